"""On PostgreSQL, have the keyword indexes made anew: they hold Chinese words as they were written,
and are asked for simplified ones now. Indexes in files have another name for that. The worker that
starts makes them from the chunks.
"""

from django.db import migrations


def empty(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    from assistants.retrieval.postgres.tables import make_words

    with schema_editor.connection.cursor() as cursor:
        make_words(cursor)
        cursor.execute("TRUNCATE search_stores, search_chunks, search_parts, search_postings")


class Migration(migrations.Migration):
    dependencies = [("assistants", "0012_memberships")]

    operations = [migrations.RunPython(empty, empty, elidable=True)]

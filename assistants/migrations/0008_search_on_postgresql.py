"""On PostgreSQL the tables that file search finds passages in: docs/retrieval.md."""

from django.db import migrations


def make(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    from assistants.retrieval.postgres.tables import make_words

    with schema_editor.connection.cursor() as cursor:
        make_words(cursor)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP TABLE IF EXISTS search_stores, search_chunks, search_parts, search_postings,"
            " search_vector_stores, search_signs, search_vectors"
        )


class Migration(migrations.Migration):
    dependencies = [("assistants", "0007_embeddings")]

    operations = [migrations.RunPython(make, remove, elidable=False)]

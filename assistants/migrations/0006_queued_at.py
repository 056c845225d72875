"""When a run began to wait for a worker. Older runs get the moment of this migration: they began
before it, so nothing is told of how long they waited.
"""

from django.db import migrations, models

from assistants.models import clock


class Migration(migrations.Migration):
    dependencies = [("assistants", "0005_leftovers_by_store")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="queued_at",
            field=models.DateTimeField(default=clock.now),
        ),
    ]

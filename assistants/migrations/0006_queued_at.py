"""When a run began to wait for a worker."""

from django.db import migrations, models

from assistants.models import clock


class Migration(migrations.Migration):
    dependencies = [("assistants", "0005_leftovers_by_store")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="queued_at",
            field=models.DateTimeField(default=clock.now, null=True),
        ),
    ]

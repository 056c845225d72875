from django.db import migrations, models

import assistants.models.ordered_json


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0026_login_token"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="replaced_by",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="run",
            name="replaced_messages",
            field=assistants.models.ordered_json.OrderedJSON(default=list),
        ),
    ]

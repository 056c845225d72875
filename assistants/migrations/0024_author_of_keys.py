from django.db import migrations

import assistants.models.ordered_json


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0023_left_content"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="author",
            field=assistants.models.ordered_json.OrderedJSON(default=dict),
        ),
    ]

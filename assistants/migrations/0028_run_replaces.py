from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0027_replaced_runs"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="replaces",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]

"""Members have roles. Whoever was a member could do everything, and is an owner now."""

import assistants.models.clock
import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_owners(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    alias = editor.connection.alias
    membership = apps.get_model("assistants", "Membership").objects.using(alias)
    for link in apps.get_model("assistants", "Project").members.through.objects.using(alias):
        membership.create(project_id=link.project_id, user_id=link.user_id, role="owner")


def make_members(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    alias = editor.connection.alias
    link = apps.get_model("assistants", "Project").members.through.objects.using(alias)
    for member in apps.get_model("assistants", "Membership").objects.using(alias):
        link.create(project_id=member.project_id, user_id=member.user_id)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("assistants", "0011_order_of_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("editor", "Editor"), ("viewer", "Viewer")],
                        default="viewer",
                        max_length=16,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=assistants.models.clock.now, editable=False),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="assistants.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("project", "user"), name="one_membership_each"
            ),
        ),
        migrations.RunPython(make_owners, make_members),
        migrations.RemoveField(model_name="project", name="members"),
        migrations.AddField(
            model_name="project",
            name="members",
            field=models.ManyToManyField(
                related_name="projects",
                through="assistants.Membership",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]

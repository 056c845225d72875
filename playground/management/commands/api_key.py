"""``manage.py api_key NAME``: a new API key, shown this once."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from assistants.errors import Invalid
from assistants.models import Project, Scope
from assistants.operations import projects


class Command(BaseCommand):
    """Prints the secret of a new key of a project."""

    help = "Makes an API key and prints it. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for, as in: notebook")
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.ALL,
            help="what it may do: everything, read, or have conversations (docs/api.md, Keys)",
        )
        parser.add_argument(
            "--expires-days", type=int, help="after so many days it opens nothing any more"
        )
        parser.add_argument(
            "--project", default="", help="the project's id, or its name; else the first project"
        )

    def handle(
        self,
        *_args: object,
        name: str,
        scope: str,
        expires_days: int | None,
        project: str,
        **_options: object,
    ) -> None:
        found = _project(project) if project else projects.ensure_default_project()
        try:
            _key, secret = projects.create_api_key(found, name, scope, expires_days)
        except Invalid as error:
            raise CommandError(error.message) from error
        self.stdout.write(secret)


def _project(wanted: str) -> Project:
    """
    :raises CommandError: there is none, or several have the name
    """
    present = Project.objects.present()
    found = list(present.filter(pk=wanted) or present.filter(name=wanted)[:2])
    if not found:
        raise CommandError(f"There is no project {wanted}.")
    if len(found) > 1:
        raise CommandError(f"Several projects are called {wanted}: give the id of one.")
    return found[0]

"""``manage.py api_key NAME``: a new API key, shown this once."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from assistants.operations import projects


class Command(BaseCommand):
    """Prints the secret of a new key of the default project."""

    help = "Makes an API key and prints it. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for, as in: notebook")

    def handle(self, *_args: object, name: str, **_options: object) -> None:
        _key, secret = projects.create_api_key(projects.ensure_default_project(), name)
        self.stdout.write(secret)

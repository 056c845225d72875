"""``manage.py createowner NAME``: an owner with a password, where nobody sees a printed link."""

import getpass
import sys
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.operations import people


class Command(BaseCommand):
    """Makes an account that owns the default project; one that is known becomes its owner, and
    gets the password.
    """

    help = "Makes an owner of the default project, who signs in with a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what they sign in as")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the standard input, else it is asked for",
        )

    def handle(self, *_args: object, name: str, password_stdin: bool, **_options: Any) -> None:
        """
        :raises CommandError: the name or the password will not do
        """
        user = User(username=name)
        password = sys.stdin.readline().rstrip("\n") if password_stdin else _asked()
        try:
            User._meta.get_field("username").clean(name, user)
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        owner = people.ensure_owner(name, password)
        self.stdout.write(f"{owner.username} owns the default project.")


def _asked() -> str:
    """
    :raises CommandError: nobody can be asked, or what was typed differs
    """
    if not sys.stdin.isatty():
        raise CommandError("Nobody can be asked for a password: use --password-stdin.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Password, once more: ") != password:
        raise CommandError("The two passwords are not the same.")
    return password

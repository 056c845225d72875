"""``manage.py login``: a new sign-in link, for when the one that the start printed is used up."""

from django.core.management.base import BaseCommand

from playground import login
from playground.runner.stack import address


class Command(BaseCommand):
    """Prints a link that works once. The one before stops working."""

    help = "Prints a new sign-in link for the studio."

    def handle(self, *_args: object, **_options: object) -> None:
        self.stdout.write(f"{address()}/login?token={login.issue()}")

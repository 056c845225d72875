"""``manage.py login``: a new sign-in link, for when the one that the start printed is used up."""

from django.core.management.base import BaseCommand

from playground import login
from playground.runner.stack import ADDRESS, address


class Command(BaseCommand):
    """Prints a link that works once. The one before stops working."""

    help = "Prints a new sign-in link for the studio."

    def handle(self, *_args: object, **_options: object) -> None:
        started_at = ADDRESS.read_text() if ADDRESS.exists() else address()
        self.stdout.write(f"{started_at}/login?token={login.issue()}")

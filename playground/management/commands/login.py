"""``manage.py login``: a new sign-in link, for when the one that the start printed is used up."""

import contextlib
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from assistants.operations import people
from playground.runner.stack import ADDRESS, address

CONNECT_SECONDS = 3.0


class Command(BaseCommand):
    """Prints a link that works once. The one before stops working."""

    help = "Prints a new sign-in link for the studio."

    def handle(self, *_args: object, **_options: object) -> None:
        """
        :raises CommandError: nothing runs, so that no link would lead anywhere; the next start
            prints one of its own
        """
        started_at = ADDRESS.read_text() if ADDRESS.exists() else address()
        if not answers(started_at):
            raise CommandError(
                f"Nothing answers at {started_at}. "
                "Start the studio with make run: it prints a sign-in link of its own."
            )
        self.stdout.write(f"{started_at}/login?token={people.issue_login_token()}")
        # Past what a script reads.
        self.stderr.write(f"It works once, within {settings.LOGIN_LINK_HOURS} h.", style_func=str)


def answers(url: str) -> bool:
    """Whether somebody listens there, or at the port of this machine that the settings name: a
    public address may lead through a proxy that this machine cannot reach itself.
    """
    named = urlsplit(url)
    port = named.port or {"https": 443}.get(named.scheme, 80)
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    places = [(named.hostname or "", port)]
    if settings.PUBLIC_URL:
        places.append((host, settings.PORT))
    for place in places:
        with contextlib.suppress(OSError), socket.create_connection(place, CONNECT_SECONDS):
            return True
    return False

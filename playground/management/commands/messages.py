"""``manage.py messages``: bring the catalogs in ``locale/`` up to date with what the pages say."""

from django.conf import settings
from django.core.management.base import BaseCommand

from playground import catalogs


class Command(BaseCommand):
    """Says how many texts each catalog leaves untranslated."""

    help = "Brings locale/*/LC_MESSAGES/django.po up to date with templates and code."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        found = catalogs.extracted(settings.BASE_DIR)
        for po in sorted(settings.CATALOGS.glob(f"*/{catalogs.PO}")):
            catalogs.update(po, found)
            told = [message for message in catalogs.read(po) if message.id]
            left = [message for message in told if not all(_strings(message.string))]
            self.stdout.write(f"{po.parent.parent.name}: {len(told)} texts, {len(left)} to do")


def _strings(string: object) -> tuple[object, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (string,)

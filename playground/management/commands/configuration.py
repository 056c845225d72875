"""``manage.py configuration``: writes docs/configuration.md anew."""

from django.conf import settings
from django.core.management.base import BaseCommand

from playground import configuration, env


class Command(BaseCommand):
    """For whoever adds a setting. It has to run without any set, as in a clean shell."""

    help = "Writes docs/configuration.md from the settings that there are."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        page = configuration.page(env.asked)
        (settings.BASE_DIR / "docs" / "configuration.md").write_text(page, encoding="utf-8")
        self.stdout.write("docs/configuration.md is written.")

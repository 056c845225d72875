"""``manage.py assets``: static files and translations, as browsers and the pages want them.

``manage.py prepare`` calls it. An image has them made when it is built: in the folder ``built``, if
that is there, and then nothing of them is in DATA_DIR.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import BaseCommand

from playground import catalogs
from playground.static_files import MINIFIER


class Command(BaseCommand):
    """Does nothing twice."""

    help = "Makes static files and translations ready."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        with self.alone():
            self.collect_static()
        catalogs.compile_all(settings.CATALOGS, settings.LOCALE_PATHS[0])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process does it in the same folder: each would begin by removing what the
        other has collected.
        """
        folder = settings.STATIC_ROOT.parent
        folder.mkdir(parents=True, exist_ok=True)
        # Not in STATIC_ROOT, which is cleared.
        with (folder / "assets.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def collect_static(self) -> None:
        """Gather the static files under names with their hash, if any of them has changed."""
        seen = hashlib.sha256((MINIFIER + str(storages.backends["staticfiles"])).encode())
        for finder in get_finders():
            for path, storage in finder.list([]):
                # Not by its time, which other hosts of one DATA_DIR may have another one of.
                with storage.open(path) as content:
                    seen.update(path.encode() + hashlib.sha256(content.read()).digest())
        stamp = settings.COLLECTED_STAMP
        if not stamp.is_file() or stamp.read_text() != seen.hexdigest():
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            stamp.write_text(seen.hexdigest())

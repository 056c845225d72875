"""What a page depends on besides what it shows: the reader's language and clock, and the link that
they came by.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone, translation

from playground import scopes
from playground.scopes import Scope
from playground.timezones import zone_of


@dataclass(frozen=True)
class Reader:
    """Readers who are equal are shown the same. ``zone`` is None for that of the settings,
    ``scope`` for members of the project.
    """

    language: str
    zone: ZoneInfo | None = None
    scope: Scope | None = None

    @classmethod
    def of(cls, request: HttpRequest, scope: Scope | None = None) -> Self:
        """Whoever asks. The middleware has found out in which language."""
        return cls(translation.get_language() or "en", zone_of(request), scope)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """What is rendered within is in this language, with this clock, for those of this link."""
        with (
            translation.override(self.language),
            timezone.override(self.zone),
            scopes.showing(self.scope),
        ):
            yield

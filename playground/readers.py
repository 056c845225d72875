"""What a page depends on besides what it shows: the reader's language and clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone, translation

from playground.timezones import zone_of


@dataclass(frozen=True)
class Reader:
    """Readers who are equal are shown the same. ``zone`` is None for that of the settings."""

    language: str
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Whoever asks. The middleware has found out in which language."""
        return cls(translation.get_language() or "en", zone_of(request))

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """What is rendered within is in this language, with this clock."""
        with translation.override(self.language), timezone.override(self.zone):
            yield

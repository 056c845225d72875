"""Shows times as the person's clock has them: the browser names its time zone in a cookie."""

from collections.abc import Callable
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

COOKIE = "timezone"


class TimezoneMiddleware:
    """Activates the time zone of the cookie for one request; without one, that of the settings."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone_of(request)):
            return self._get_response(request)


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The time zone that the browser named, or None if it named none that is known."""
    try:
        return ZoneInfo(unquote(request.COOKIES[COOKIE]))
    except (KeyError, ValueError, OSError):
        # What ZoneInfo raises for names that are none: a KeyError of its own, or one of the others
        # where the name leads to a folder or out of the data base.
        return None

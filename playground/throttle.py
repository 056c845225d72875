"""What whoever guesses passwords or tokens is told, and how their tries are counted (by axes)."""

import logging
from collections.abc import Mapping
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from assistants.models import clock
from playground.sessions import address_of

LINK = "(link)"
SINGLE_SIGN_ON = "(single sign-on)"
"""The names under which other ways in are counted: no account can be called so."""

logger = logging.getLogger(__name__)


def tried_name(_request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Whose account was tried."""
    tried = credentials or {}
    return str(tried.get("username") or (SINGLE_SIGN_ON if "nonce" in tried else LINK))[:150]


def seconds_left(request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """How long nobody at this address can try the name again."""
    AxesProxyHandler.update_request(request)
    tries = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    last = max((row.attempt_time for found in tries for row in found), default=None)
    if last is None:
        return 1
    return max(1, int((last + settings.AXES_COOLOFF_TIME - clock.now()).total_seconds()))


def locked_out(
    request: HttpRequest,
    _response: HttpResponse | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The sign-in page, which says when it can be tried again."""
    from playground.views import session

    seconds = seconds_left(request, credentials)
    logger.warning(
        "Sign-in as %s from %s is closed for %d s: too many wrong tries",
        tried_name(request, credentials),
        address_of(request),
        seconds,
    )
    page = session.page(request, wait_minutes=-(-seconds // 60), status=429)
    page["Retry-After"] = str(seconds)
    return page

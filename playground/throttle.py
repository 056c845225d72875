"""What whoever guesses passwords or tokens is told, and how their tries are counted (by axes)."""

import ipaddress
import logging
from collections.abc import Mapping
from typing import Any, Final

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import auth
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

from assistants.models import clock
from assistants.operations import people
from playground.sessions import address_of

LINK = "(link)"
SINGLE_SIGN_ON = "(single sign-on)"
"""The names under which other ways in are counted: no account can be called so."""

ADDRESS_LIMIT: Final = 30
"""So many wrong tries from one address, whatever names they were for. Larger than that of one name:
many people may come from one address.
"""

logger = logging.getLogger(__name__)


def tried_name(_request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Whose account was tried."""
    tried = credentials or {}
    return str(tried.get("username") or (SINGLE_SIGN_ON if "nonce" in tried else LINK))[:150]


def counted_at(request: HttpRequest) -> str | None:
    """The address under which tries are counted. Of IPv6 it is the network: whoever has one address
    has all of it.
    """
    address = address_of(request)
    if address is None or ":" not in address:
        return address
    given = ipaddress.IPv6Address(address.partition("%")[0])
    if given.ipv4_mapped:
        return str(given.ipv4_mapped)
    return str(ipaddress.IPv6Network((given, 64), strict=False).network_address)


def counted_by(
    request: HttpRequest, _credentials: Mapping[str, Any] | None
) -> list[str | list[str]]:
    """What wrong tries are counted by: the name together with the address; and the address alone,
    once so many came from there.
    """
    here = AccessAttempt.objects.filter(
        ip_address=counted_at(request),
        attempt_time__gte=clock.now() - settings.AXES_COOLOFF_TIME,
    )
    wrong = here.aggregate(all=Sum("failures_since_start"))["all"] or 0
    named: list[str | list[str]] = [["username", "ip_address"]]
    return [*named, "ip_address"] if wrong >= ADDRESS_LIMIT else named


def is_password(request: HttpRequest, password: str) -> bool:
    """Whether this is the password of who is signed in. It is counted with their wrong sign-ins:
    whoever finds a browser that is open does not find out the password.
    """
    name = request.user.get_username()
    if auth.authenticate(request, username=name, password=password) == request.user:
        return True
    note(request, name, "account")
    return False


def note(request: HttpRequest, name: str, way: str) -> None:
    """Tell owners of a wrong try. What is tried while it is closed is not told, as it is not
    counted.

    :param way: as ``people.note_refused`` has it
    """
    if getattr(request, "axes_failures_since_start", None) is not None:
        # Who is signed in may know that there is such an account; others must not find out.
        tell = people.note_refused if request.user.is_authenticated else people.tell_refused
        tell(name, way, address_of(request) or "")


def closed_for(request: HttpRequest) -> int:
    """For how many seconds what the request has tried is closed by now; 0 if it is not. The view
    that asks says so on a page of its own.
    """
    if not getattr(request, "axes_locked_out", False):
        return 0
    request.axes_locked_out = False  # type: ignore[attr-defined]
    # As the library hands them over they are not there under an asynchronous server.
    credentials: Mapping[str, Any] | None = getattr(request, "axes_credentials", None)
    seconds = _seconds_left(request, credentials)
    logger.warning(
        "Sign-in as %s from %s is closed for %d s: too many wrong tries",
        tried_name(request, credentials),
        address_of(request),
        seconds,
    )
    return seconds


def locked_out(request: HttpRequest, *_given: object) -> HttpResponse:
    """The sign-in page, which says when it can be tried again."""
    from playground.views import session

    seconds = closed_for(request)
    page = session.page(request, wait_minutes=-(-seconds // 60), status=429)
    page["Retry-After"] = str(seconds)
    return page


def _seconds_left(request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """How long nobody at this address can try the name again."""
    tries = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    last = max((row.attempt_time for found in tries for row in found), default=None)
    if last is None:
        return 1
    return max(1, int((last + settings.AXES_COOLOFF_TIME - clock.now()).total_seconds()))

"""Where a person is signed in: browsers, when they were last seen, and signing them out."""

import hashlib
import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from qsessions import middleware
from qsessions.models import Session
from typing_extensions import override

from assistants.models import clock
from assistants.operations import members

SEEN_EVERY: Final = timedelta(minutes=5)
"""It is written down that a session was used at most so often, by each process."""


@dataclass(frozen=True)
class SignIn:
    """A browser in which the person is signed in. ``id`` names it on the page; it opens nothing."""

    id: str
    browser: str
    address: str
    begun: datetime
    seen: datetime
    is_this: bool


class SessionMiddleware(middleware.SessionMiddleware):
    """As the library's, and notes when a session was last used."""

    @override
    def process_request(self, request: HttpRequest) -> None:
        request.session = self.SessionStore(
            ip=address_of(request),
            user_agent=request.headers.get("User-Agent", ""),
            session_key=request.COOKIES.get(settings.SESSION_COOKIE_NAME),
        )

    @override
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        key = request.session.session_key if request.session.accessed else None
        if key and cache.add(f"seen:{_id(key)}", True, SEEN_EVERY.total_seconds()):
            # Only this column: what the session holds may have been changed by another request.
            with suppress(DatabaseError):
                Session.objects.filter(pk=key).update(updated_at=clock.now())
        answer: HttpResponseBase = super().process_response(request, response)
        return answer


def address_of(request: HttpRequest) -> str | None:
    """The network address that the request came from; None if the server does not know. What a
    proxy says of it, uvicorn has looked at already.
    """
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def of(request: HttpRequest, user: User) -> list[SignIn]:
    """All browsers in which the person is signed in, the one that asks first, then by last use."""
    found = Session.objects.filter(user=user, expire_date__gt=clock.now()).order_by("-updated_at")
    rows = [
        SignIn(
            _id(row.session_key),
            _browser(row),
            row.ip or "",
            row.created_at or row.updated_at,
            row.updated_at,
            row.session_key == request.session.session_key,
        )
        for row in found
    ]
    return sorted(rows, key=lambda row: not row.is_this)


def end(user: User, sign_in_id: str) -> None:
    """Sign the person out of one browser."""
    for key in Session.objects.filter(user=user).values_list("pk", flat=True):
        if _id(key) == sign_in_id:
            Session.objects.filter(pk=key).delete()
    members.ask_again(user.pk)


def end_all(user: User, but: str | None = None) -> None:
    """Sign the person out of all browsers, or of all but the one with this session key."""
    Session.objects.filter(user=user).exclude(pk=but or "").delete()
    members.ask_again(user.pk)


def _id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _browser(session: Session) -> str:
    told = session.device_info
    names = [part.family for part in (told and told.user_agent, told and told.os) if part]
    if len(names) == 2:
        return _("{browser} on {system}").format(browser=names[0], system=names[1])
    return names[0] if names else _("An unknown browser")

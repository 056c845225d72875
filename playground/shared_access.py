"""Who may see a shared thread: the first line of every view below ``/s/<token>``.

Whoever holds the link is let in by what the link says: everybody, members of the project, or people
who are named; by password if it has one. An unknown token is answered by 404, one that opens
nothing any more by 410, somebody whom the link is not for by 404 as well.

Nothing of the studio's session is needed, and none begins. That the password was right is kept in a
signed cookie that is sent to this link alone, and holds until the password is changed.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Concatenate, Final, ParamSpec

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from assistants import acting
from assistants.models import Share
from assistants.operations import shares
from playground import access, csp
from playground.scopes import Scope

P = ParamSpec("P")

COOKIE: Final = "share_password"
COOKIE_SECONDS: Final = 12 * 3600
HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SharedRequest(HttpRequest):
    """A request of somebody who may see what the link shows."""

    share: Share
    scope_of: Scope


Page = Callable[Concatenate[SharedRequest, P], HttpResponseBase]


def shared(view: Page[P], *, page: bool = False) -> Callable[..., HttpResponseBase]:
    """Lets in whom the link is for.

    :param page: whether who is not in yet is asked for what is missing: to sign in, the password
    """

    @wraps(view)
    def guarded(
        request: HttpRequest, /, token: str, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        try:
            response = _guard(request, token, page=page)
            if response is None:
                acting.become(acting.GUEST)
                response = view(_let_in(request, token), *args, **kwargs)
        except Http404:
            response = none(request)
        return protected(request, token, response)

    return guarded


shared_page = partial(shared, page=True)


def beside(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For a page of the studio that a link leads to, for who is signed in. A link that is unknown
    or over, and one that is not for whoever asks, is answered as below the link itself.
    """
    for_people = access.signed_in(view)

    @wraps(view)
    def guarded(request: HttpRequest, /, token: str) -> HttpResponseBase:
        try:
            share = find(token)
            response = for_people(request, token) if share.is_usable else gone(request)
        except Http404:
            response = none(request)
        if response.status_code != 200:
            return protected(request, token, response)
        for name, value in HEADERS.items():
            response[name] = value
        # Its form does something with the person's rights, so that it is asked from where it came:
        # the server's name is sent, the link is not.
        response["Referrer-Policy"] = "strict-origin"
        return response

    return guarded


def find(token: str) -> Share:
    """The link with this token, usable or not.

    :raises Http404: there is none
    """
    share = Share.objects.of_token(token)
    if share is None:
        raise Http404("There is no such link.")
    return share


def gone(request: HttpRequest) -> HttpResponse:
    return render(request, "shared/gone.html", status=410)


def none(request: HttpRequest) -> HttpResponse:
    return render(request, "shared/none.html", status=404)


def is_unlocked(request: HttpRequest, share: Share) -> bool:
    """Whether the right password came from here before."""
    if not share.password:
        return True
    try:
        kept = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_salt(share), max_age=COOKIE_SECONDS
        )
    except signing.BadSignature:
        return False
    return bool(kept == share.id)


def unlock(response: HttpResponse, share: Share, token: str) -> None:
    """Keep with the reader that the password was right."""
    response.set_cookie(
        COOKIE,
        signing.dumps(share.id, salt=_salt(share)),
        max_age=COOKIE_SECONDS,
        path=reverse("shared", args=[token]),
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def may_open(request: HttpRequest, share: Share) -> bool:
    """Whether the link is for whoever asks."""
    return shares.may_open(share, request.user.pk or 0)


def may_still_open(share_id: str, user_id: int) -> bool:
    """Whether somebody who was let in before still would be."""
    share = Share.objects.filter(pk=share_id).first()
    if share is None or not share.is_usable:
        return False
    is_active = User.objects.filter(pk=user_id, is_active=True).exists()
    return shares.may_open(share, user_id if is_active else 0)


def protected(request: HttpRequest, token: str, response: HttpResponseBase) -> HttpResponseBase:
    """The answer with the headers that keep a shared page to itself.

    Scripts of the page reach this link's own addresses and no others, whoever's browser it is.
    """
    for name, value in HEADERS.items():
        response[name] = value
    host, link = request.get_host(), reverse("shared", args=[token])
    policy = dict(csp.POLICY)
    # Policies have no way to name an address of IPv6.
    if not host.startswith("["):
        policy["img-src"] = f"{host}{link}/ {host}{settings.STATIC_URL}"
        policy["connect-src"] = f"{host}{link}/"
    response.headers.setdefault("Content-Security-Policy", csp.written(policy))
    return response


class HeadersMiddleware:
    """Gives the headers to what no view of ours has answered below ``/s/``, too: other paths and
    methods, and what is refused before a view is asked. Such an answer sets no cookie.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], csp.Response]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> csp.Response:
        response = self._get_response(request)
        if isinstance(response, HttpResponseBase):
            return _kept_to_itself(request, response)
        return self._later(request, response)

    async def _later(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        return _kept_to_itself(request, await response)


def _kept_to_itself(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    # Those that a view has answered have theirs.
    if request.path_info.startswith("/s/") and "X-Robots-Tag" not in response.headers:
        for name, value in HEADERS.items():
            response[name] = value
        response.cookies.clear()
    return response


def _guard(request: HttpRequest, token: str, *, page: bool) -> HttpResponseBase | None:
    """What somebody is answered who may not see what the link shows."""
    share = find(token)
    if not share.is_usable:
        return gone(request)
    if not may_open(request, share):
        if page and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        raise Http404("There is no such link.")
    if not is_unlocked(request, share):
        if page:
            return render(request, "shared/password.html", {"token": token})
        raise Http404("There is no such link.")
    request.share = share  # type: ignore[attr-defined]
    return None


def _let_in(request: HttpRequest, token: str) -> SharedRequest:
    let_in: SharedRequest = request  # type: ignore[assignment]
    let_in.scope_of = Scope.of(let_in.share, token)
    return let_in


def _salt(share: Share) -> str:
    """Another for each password, so that a cookie for the one before opens nothing."""
    return f"share {share.id} {share.password}"

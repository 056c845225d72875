"""Leaving for the identity provider, and coming back from it."""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from assistants.errors import Invalid
from playground.service_words import refusal
from playground.views import session

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def begin(request: HttpRequest) -> HttpResponseBase:
    """To the provider's own sign-in page."""
    if not settings.OIDC_ISSUER:
        raise Http404("There is no identity provider.")
    # Loaded where it is used: most have no provider.
    from playground import single_sign_on

    try:
        response: HttpResponseBase = single_sign_on.Begin.as_view()(request)
    except single_sign_on.FAULTS as problem:
        return _failed(request, str(problem))
    return response


@never_cache
@require_safe
def end(request: HttpRequest) -> HttpResponseBase:
    """Back from it, with a code that the server exchanges for who they are."""
    if not settings.OIDC_ISSUER:
        raise Http404("There is no identity provider.")
    from playground import single_sign_on

    if request.GET.get("state", "") not in request.session.get("oidc_states", {}):
        # Nobody left for the provider from this browser. Who is signed in stays so.
        return _failed(request, "the answer is to no question of this browser")
    try:
        response: HttpResponseBase = single_sign_on.End.as_view()(request)
    except Invalid as problem:
        return session.page(request, refused="single", why=refusal(problem), status=403)
    except single_sign_on.FAULTS as problem:
        return _failed(request, str(problem))
    return response


def _failed(request: HttpRequest, why: str) -> HttpResponse:
    # What exactly is for who keeps the server, not for who stands before the door.
    logger.warning("Signing in at %s failed: %s", settings.OIDC_ISSUER, why)
    said = _("{name} did not sign you in. Try again; the server's log may say more.")
    said = said.format(name=settings.OIDC_NAME)
    return session.page(request, refused="single", why=said, status=403)

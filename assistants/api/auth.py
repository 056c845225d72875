"""Who asks: the API key, sent as OpenAI's clients or as Azure's send it, and the project that it
opens.
"""

import hmac
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyHeader, HttpBearer
from typing_extensions import override

from assistants import acting, refusals
from assistants.acting import Actor
from assistants.api import rate_limit, scopes
from assistants.api.request import ApiRequest
from assistants.errors import InvalidKey
from assistants.models import ApiKey, Project, Scope
from assistants.operations import projects


class BearerKey(HttpBearer):
    """``Authorization: Bearer <key>``"""

    @override
    def authenticate(self, request: HttpRequest, token: str) -> Project | None:
        return _open(request, token)


class HeaderKey(APIKeyHeader):
    """``api-key: <key>``"""

    param_name = "api-key"

    @override
    def authenticate(self, request: HttpRequest, key: str | None) -> Project | None:
        return _open(request, key or "")


GIVEN_NAME = "PLAYGROUND_API_KEY"
"""What the key from the environment is called where it is told who has done something."""


def opened_by(secret: str) -> tuple[Project, str] | None:
    """The project that the key opens, and its scope. One key may come from the environment; it
    opens the project that exists from the first start on, for everything. From now on it is the key
    that asks.
    """
    given = settings.PLAYGROUND_API_KEY
    if given and hmac.compare_digest(given.encode(), secret.encode()):
        acting.become(Actor("key", "", GIVEN_NAME))
        first = Project.objects.oldest_first().first() or projects.ensure_default_project()
        return first, Scope.ALL
    key = ApiKey.objects.of_secret(secret)
    if key is None:
        return None
    acting.become(Actor("key", key.id, key.name))
    projects.note_use(key)
    return key.project, key.scope


def refusal(request: HttpRequest) -> InvalidKey:
    """What whoever has sent no usable key is told, as far as possible in the service's words."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip() if scheme.lower() == "bearer" else request.headers.get("api-key", "")
    if not secret:
        return refusals.KEY_MISSING()
    return refusals.KEY_UNKNOWN(key=masked(secret))


def masked(secret: str) -> str:
    """Enough of a key to recognise it by, not enough to use it."""
    if len(secret) < 12:
        return "*" * len(secret)
    return f"{secret[:7]}{'*' * min(len(secret) - 11, 40)}{secret[-4:]}"


def _open(request: HttpRequest, secret: str) -> Project | None:
    """
    :raises RateLimited: the key has asked too often
    :raises MissingScope: the key may not ask this
    """
    opened = opened_by(secret) if secret else None
    if opened is None:
        return None
    asked = cast("ApiRequest", request)
    rate_limit.count(secret)
    asked.project, asked.key_scope = opened
    scopes.check(asked, asked.key_scope)
    return asked.project

"""The login token: what the link that ``make run`` prints signs the local owner in with.

A token given as PLAYGROUND_LOGIN_TOKEN works as long as it is set. Otherwise each start issues one
that works once, on whichever web server it is shown to.
"""

import hmac

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from typing_extensions import override

from assistants.operations import people


def consume(token: str) -> bool:
    """Whether ``token`` signs its bearer in. A generated one is used up by this."""
    if not token:
        return False
    given = settings.PLAYGROUND_LOGIN_TOKEN
    if given and hmac.compare_digest(token.encode(), given.encode()):
        return True
    return people.use_login_token(token)


class LoginTokenBackend(ModelBackend):
    """Signs the local owner in. Wrong tokens count as wrong passwords do."""

    @override
    def authenticate(  # type: ignore[override]  # Django passes what each backend takes
        self, request: HttpRequest | None, token: str
    ) -> User | None:
        return people.local_owner() if consume(token) else None

"""The login token: what the link that ``make run`` prints signs the local owner in with.

A token given as PLAYGROUND_LOGIN_TOKEN works as long as it is set. Otherwise each start issues one
that works once. It is kept as an empty file named after its digest; using it up is removing the
file, which succeeds for one caller only, however many try at once.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from typing_extensions import override

from assistants.operations import people


def issue() -> str:
    """A new token that works once. The one issued before stops working."""
    token = secrets.token_urlsafe(32)
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for earlier in folder.iterdir():
        earlier.unlink(missing_ok=True)
    _file(token).touch(mode=0o600)
    return token


def consume(token: str) -> bool:
    """Whether ``token`` signs its bearer in. A generated one is used up by this."""
    if not token:
        return False
    given = settings.PLAYGROUND_LOGIN_TOKEN
    if given and hmac.compare_digest(token.encode(), given.encode()):
        return True
    try:
        _file(token).unlink()
    except FileNotFoundError:
        return False
    return True


class LoginTokenBackend(ModelBackend):
    """Signs the local owner in. Wrong tokens count as wrong passwords do."""

    @override
    def authenticate(  # type: ignore[override]  # Django passes what each backend takes
        self, request: HttpRequest | None, token: str
    ) -> User | None:
        return people.local_owner() if consume(token) else None


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "login"


def _file(token: str) -> Path:
    return _folder() / hashlib.sha256(token.encode()).hexdigest()

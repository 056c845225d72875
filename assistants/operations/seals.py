"""Secrets in the database, encrypted under a key that is derived from SECRET_KEY.

Who has the database alone, as a backup, cannot read them. Who changes SECRET_KEY has to enter them
again.
"""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PROVIDER_KEYS = b"assistants-playground provider keys"
SHARE_LINKS = b"assistants-playground share links"
"""So that the key for each is another than that for anything else that SECRET_KEY is used for."""


def seal(secret: str, purpose: bytes = PROVIDER_KEYS) -> str:
    """What to keep of a secret; of none, nothing."""
    return _cipher(settings.SECRET_KEY, purpose).encrypt(secret.encode()).decode() if secret else ""


def unseal(kept: str, purpose: bytes = PROVIDER_KEYS) -> str | None:
    """The secret, or None if it was encrypted under another SECRET_KEY."""
    if not kept:
        return ""
    try:
        return _cipher(settings.SECRET_KEY, purpose).decrypt(kept.encode()).decode()
    except InvalidToken:
        return None


@functools.lru_cache(maxsize=4)
def _cipher(secret_key: str, purpose: bytes) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))

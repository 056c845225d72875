"""``GET /healthz``: is every part answering? For ``make run``, for the health strip, for whoever
watches the whole. ``GET /readyz``: can this web server answer? For what shares requests among some.
What all of them share is not asked there: without it none would be left that says what is missing.
"""

from django.http import HttpRequest, JsonResponse

from playground import health
from playground.parts import Part, told


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all parts answer, 503 naming those that do not.

    ``{"status": "ok" | "not answering: worker", "parts": {name: {"ok", "detail"}},
    "code_interpreter": null | that it is off}``. An interpreter that answers that its tool is off
    counts as answering: everything else works. One whose last Python session did not start does
    not: a call has tried that, or the interpreter itself, which always keeps some ready. Anyone may
    ask, so nothing of this machine is told, as the paths in the interpreter's own reason.
    """
    parts = await health.report()
    code = parts["interpreter"]
    return _answer(parts, code_interpreter=health.CODE_IS_OFF if code.ok and code.detail else None)


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this web server can answer requests, 503 in the same form when its database, which
    has to have the tables of this version, or the disk of its DATA_DIR does not let it, or the
    static files are missing, without which no page can be made. Nothing else is asked: without
    Redis or the file storage it still answers what it can, and another web server would not do
    better.
    """
    return _answer(await health.of_web())


def _answer(parts: dict[str, Part], **more: object) -> JsonResponse:
    status, body = told(parts)
    answer = JsonResponse({**body, **more}, status=status)
    answer["Cache-Control"] = "no-store"
    return answer

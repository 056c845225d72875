"""Files that went up for a message which is not sent yet: they stay with its draft when the page is
loaded anew. As the draft, each is remembered by the browser alone: a cookie of its own, so that
files that go up side by side do not forget each other.
"""

from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from assistants.models import File, Project

PREFIX: Final = "waiting-"
DAYS: Final = 7
MAX_FILES: Final = 50
"""In all drafts together. All cookies are sent each time, and a proxy takes some 8 kB of them."""


def remember(request: HttpRequest, response: HttpResponse, file: File) -> None:
    """Keep the file with the draft that ``?draft=`` names: a thread's id, or "new". One above
    MAX_FILES is not kept.
    """
    if sum(name.startswith(PREFIX) for name in request.COOKIES) >= MAX_FILES:
        return
    response.set_cookie(
        f"{PREFIX}{file.id}",
        request.GET.get("draft", "")[:64],
        max_age=DAYS * 24 * 60 * 60,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse, file_ids: Iterable[str]) -> None:
    """They were sent, or removed."""
    for file_id in file_ids:
        response.delete_cookie(f"{PREFIX}{file_id}", samesite="Lax")


def of(request: HttpRequest, project: Project, draft: str) -> list[File]:
    """Those that wait with this draft, in the order in which they came."""
    kept = [
        name.removeprefix(PREFIX)
        for name, value in request.COOKIES.items()
        if name.startswith(PREFIX) and value == draft
    ]
    return list(File.objects.in_project(project).filter(pk__in=kept).oldest_first())

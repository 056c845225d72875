"""A thread from an export of another instance, under the ids that it has there.

First it is said what would come; the upload is kept until that is agreed to.
"""

import secrets
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from assistants.models import Project
from playground import access
from playground.exports import reading
from playground.exports.reading import Unreadable
from playground.exports.telling import counted, told

KEPT: Final = "thread-import"
"""In the session: the upload that waits to be agreed to, its project and its key in the storage."""
FOLDER: Final = "imports"
KEEP: Final = timedelta(hours=24)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def import_(request: access.Request) -> HttpResponse:
    """Ask for the file, say what is in it, and take it in."""
    project = access.project(request)
    context: dict[str, Any] = {"section": "threads"}
    status = 200
    if request.method == "POST":
        try:
            if "confirmed" in request.POST:
                return _take_in(request, project)
            preview = _kept(request, project)
            context |= {"preview": preview, "what": counted(preview.counts)}
        except Unreadable as problem:
            _forget(request)
            context["problem"], status = str(problem), 422
    return render(request, "threads/import.html", context, status=status)


def _kept(request: access.Request, project: Project) -> reading.Preview:
    """What the upload has, which is kept.

    :raises Unreadable: there is none, or it is no export
    """
    upload = request.FILES.get("file")
    if upload is None:
        raise Unreadable(_("Choose a file first."))
    _forget(request)
    _forget_old(project)
    with reading.opened(upload) as archive:
        preview = archive.preview(project)
    upload.seek(0)
    key = default_storage.save(f"{FOLDER}/{project.id}/{secrets.token_hex(16)}", upload)
    request.session[KEPT] = {"project": project.id, "key": key}
    return preview


def _take_in(request: access.Request, project: Project) -> HttpResponse:
    """
    :raises Unreadable: nothing was kept, or it cannot be inserted
    """
    kept = request.session.get(KEPT) or {}
    if kept.get("project") != project.id or not default_storage.exists(kept["key"]):
        raise Unreadable(_("Choose the file once more: it was not kept for so long."))
    with default_storage.open(kept["key"], "rb") as file, reading.opened(file) as archive:
        outcome = archive.take_in(project)
    _forget(request)
    messages.success(request, told(outcome.door))
    # The page of a thread has no place for it.
    return redirect(f"{reverse('threads')}?q={outcome.thread.id}")


def _forget(request: access.Request) -> None:
    """Delete what was kept, if anything was."""
    if kept := request.session.pop(KEPT, None):
        default_storage.delete(kept["key"])


def _forget_old(project: Project) -> None:
    """Delete the uploads that nobody has agreed to for a day."""
    folder = f"{FOLDER}/{project.id}"
    try:
        _folders, keys = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for key in keys:
        path = f"{folder}/{key}"
        if default_storage.get_modified_time(path) < timezone.now() - KEEP:
            default_storage.delete(path)

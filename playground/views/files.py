"""Stored files: uploading, fetching, deleting."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from assistants.errors import ApiError
from assistants.models import File, Project
from assistants.operations import files
from playground import access
from playground.rendering.files import image_type

ITEMS = {"row": "assistants/_file.html", "chip": "threads/_attachment.html"}
"""How a new file is shown where it was added."""


@access.signed_in
@require_POST
def upload(request: access.Request) -> HttpResponse:
    """Store one file, and answer with its list item: ``?as=row`` or ``?as=chip``."""
    project = access.project(request)
    given = request.FILES.get("file")
    if given is None:
        return HttpResponse("No file came.", status=422, content_type="text/plain")
    try:
        file = stored(project, given)
    except ApiError as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain")
    template = ITEMS.get(request.GET.get("as", ""), ITEMS["chip"])
    return render(request, template, {"file": file}, status=201)


@access.signed_in
@require_safe
def content(request: access.Request, file_id: str) -> StreamingHttpResponse:
    """The bytes, always as a download: nothing that was uploaded or made opens as a page of ours.

    An ``img`` element shows an image all the same.
    """
    file = access.file(request, file_id)
    return StreamingHttpResponse(
        files.pieces(file),
        content_type=image_type(file.filename) or "application/octet-stream",
        headers={
            "Content-Length": str(file.bytes),
            "Content-Disposition": content_disposition_header(True, file.filename) or "attachment",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600, immutable",
        },
    )


def stored(project: Project, upload: "UploadedFile[Any]") -> File:
    """The upload, kept.

    :raises TooLarge: more than the service takes
    """
    # A browser's form writes a quotation mark in a name so.
    name = (upload.name or "file").replace("%22", '"')
    return files.create(project, upload, filename=name, purpose="assistants")

"""Stored files: the list, uploading, fetching, reading the text of one, deleting."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError
from assistants.models import Assistant, File, Project, Thread, VectorStore
from assistants.operations import files, source_text, vector_store_files
from assistants.operations.source_text import PageText, SourceText
from playground import access, paging, waiting, words
from playground.rendering.files import image_type, is_unshowable
from playground.service_words import refusal

ITEMS = {
    "row": "assistants/_file.html",
    "searched": "assistants/_searched_file.html",
    "chip": "threads/_attachment.html",
}
"""How a new file is shown where it was added. The page of all files asks for its list anew."""

PLACE: Final = re.compile("[0-9]{1,9}")
MAX_THREADS: Final = 3
"""So many threads are named as users of a file; the others are counted."""


@dataclass(frozen=True)
class Row:
    """A file in the list, and where it is used. ``more`` is how many threads are not named."""

    file: File
    assistants: list[Assistant]
    vector_stores: list[VectorStore]
    threads: list[Thread]
    more: int


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: access.Request) -> HttpResponse:
    """All files, the newest first, or those that match a search. A POST uploads one."""
    project = access.project(request)
    if request.method == "POST":
        return _upload(request, project)
    query = request.GET.get("q", "").strip()
    found = File.objects.in_project(project).newest_first()
    if query:
        found = found.matching(query)
    page = paging.page(request, found)
    context = {
        "section": "files",
        "rows": _rows(project, page.rows),
        "more": page.more,
        "page": page.number,
        "query": query,
    }
    # After an upload the page takes more than the list: with the first file the search comes, too.
    alone = request.htmx and request.htmx.target != "files-found"
    return render(request, "files/_list.html" if alone else "files/index.html", context)


def _rows(project: Project, shown: Sequence[File]) -> list[Row]:
    uses = files.uses(project, shown)
    named = {pk for used in uses.values() for pk in used.thread_ids[:MAX_THREADS]}
    threads = Thread.objects.in_project(project).only("metadata", "opening").in_bulk(named)
    return [
        Row(
            file,
            uses[file.id].assistants,
            uses[file.id].vector_stores,
            [threads[pk] for pk in uses[file.id].thread_ids[:MAX_THREADS] if pk in threads],
            max(0, len(uses[file.id].thread_ids) - MAX_THREADS),
        )
        for file in shown
    ]


def _upload(request: access.Request, project: Project) -> HttpResponse:
    """Store one file, and answer with its list item: ``?as=`` and one of ``ITEMS``, or with
    nothing for ``listed``. A ``page`` without scripts sends several at once.
    """
    given = request.FILES.get("file")
    place = request.GET.get("as", "")
    if place == "page":
        return _upload_all(request, project)
    if given is None:
        return HttpResponse(_("No file came."), status=422, content_type="text/plain")
    name = given.name or ""
    if place == "searched" and not vector_store_files.is_searchable(name):
        return HttpResponse(words.unsearchable(name), status=422, content_type="text/plain")
    if place == "chip" and is_unshowable(given):
        return HttpResponse(words.unshowable(), status=422, content_type="text/plain")
    try:
        file = stored(project, given)
    except ApiError as error:
        return HttpResponse(refusal(error), status=error.status, content_type="text/plain")
    if place == "listed":
        return HttpResponse(status=201)
    template = ITEMS.get(place, ITEMS["chip"])
    response = render(request, template, {"file": file, "new": True}, status=201)
    if request.GET.get("draft"):
        waiting.remember(request, response, file)
    return response


def _upload_all(request: access.Request, project: Project) -> HttpResponse:
    """Store the files of the plain form, and return to the list, which says what was not taken."""
    given = request.FILES.getlist("file")
    if not given:
        messages.error(request, _("No file came."))
    for upload in given:
        try:
            stored(project, upload)
        except ApiError as error:
            messages.error(request, f"{upload.name}: {refusal(error)}")
    return redirect("files")


@access.signed_in
@require_safe
def content(request: access.Request, file_id: str) -> StreamingHttpResponse:
    """The bytes, always as a download: nothing that was uploaded or made opens as a page of ours.

    An ``img`` element shows an image all the same.
    """
    return sent(access.file(request, file_id))


def sent(file: File) -> StreamingHttpResponse:
    """The file's bytes as an answer."""
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


@access.signed_in
@require_safe
def large(request: access.Request, file_id: str) -> HttpResponse:
    """An image with all the room there is, for the dialog."""
    file = access.file(request, file_id)
    if image_type(file.filename) is None:
        raise Http404("It is no image.")
    return render(request, "files/_large.html", {"file": file})


@access.signed_in
@require_safe
def text(request: access.Request, file_id: str) -> HttpResponse:
    """What file search has read from it; ``start`` and ``end`` mark a passage of it."""
    file = access.file(request, file_id)
    start, end, at = (_place(request.GET.get(name, "")) for name in ("start", "end", "at"))
    source = source_text.read(file, start, end, at)
    context = {
        "section": "files",
        "file": file,
        "source": source,
        "passage": "" if start is None or end is None else f"&start={start}&end={end}#passage",
        "marked_page": marked_page(source),
    }
    return render(request, "files/text.html", context)


def marked_page(source: SourceText | None) -> PageText | None:
    """The first page on which the passage stands that was asked for."""
    pages = source.pages if source else []
    return next((page for page in pages if any(piece.marked for piece in page.pieces)), None)


def _place(given: str) -> int | None:
    """A place in a text; None for what is none."""
    return int(given) if PLACE.fullmatch(given) else None


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, file_id: str) -> HttpResponse:
    """Ask, saying who uses it, then delete."""
    file = access.file(request, file_id)
    if request.method == "POST":
        files.delete(file)
        messages.success(request, _("{name} was deleted.").format(name=file.filename))
        return redirect("files")
    (row,) = _rows(file.project, [file])
    context = {
        "title": _("Delete {name}?").format(name=file.filename),
        "text": _("{consequence} This cannot be undone.").format(consequence=_who_misses(row)),
        "action": reverse("file-delete", args=[file.id]),
        "label": _("Delete file"),
        "back": reverse("files"),
        "section": "files",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


@access.signed_in
@require_POST
def discard(request: access.Request, file_id: str) -> HttpResponse:
    """Delete an upload that was taken out of a message before it was sent, unless something else
    uses it.
    """
    files.discard(access.file(request, file_id))
    response = HttpResponse(status=204)
    waiting.forget(response, [file_id])
    return response


def _who_misses(row: Row) -> str:
    """Who goes on without the file, in a sentence."""
    untitled = _("Untitled")
    names = [
        _("the assistant {name}").format(name=assistant.name or untitled)
        for assistant in row.assistants
    ]
    names += [
        _("the vector store {name}").format(name=store.name or store.id)
        for store in row.vector_stores
    ]
    names += [
        _("the thread “{name}”").format(name=thread.title or _("Untitled thread"))
        for thread in row.threads
    ]
    if row.more:
        more = ngettext("{n} more thread", "{n} more threads", row.more)
        names.append(more.format(n=row.more))
    if not names:
        return _("Nothing uses it.")
    count = len(names) + max(0, row.more - 1)
    listed = names[-1]
    if len(names) > 1:
        listed = _("{names} and {last}").format(names=words.listed(names[:-1]), last=listed)
    return ngettext(
        "{names} uses it and goes on without it.", "{names} use it and go on without it.", count
    ).format(names=f"{listed[:1].upper()}{listed[1:]}")


def stored(project: Project, upload: "UploadedFile[Any]", folder: str = "") -> File:
    """The upload, kept.

    :param folder: where it lay in the folder that it comes with
    :raises TooLarge: more than the service takes
    """
    name = files.name_in_form(upload.name or "file")
    return files.create(project, upload, filename=name, purpose="assistants", folder=folder)

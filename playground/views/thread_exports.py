"""A thread to take along: as Markdown, a notebook, JSON, or a page to print."""

from collections.abc import Generator, Iterable

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from assistants.models import Thread
from assistants.operations import threads
from playground import access
from playground.exports import archive, documents, history, markdown, names, notebook
from playground.exports.history import Wanted
from playground.readers import Reader
from playground.streamed import streamed


@access.signed_in
@require_safe
def choose(request: access.Request, thread_id: str) -> HttpResponse:
    """Ask in which form, and with how much of it."""
    thread = access.thread(request, thread_id)
    context = {"section": "threads", "thread": thread, "current_thread": thread}
    return render(request, "threads/export.html", context)


@access.signed_in
@require_safe
def download(request: access.Request, thread_id: str) -> HttpResponseBase:
    """The thread as a file, made while it is sent."""
    thread = access.thread(request, thread_id)
    if "format" not in request.GET:
        return redirect("thread-export", thread.id)
    wanted = _wanted(request)
    match request.GET.get("format"):
        case "markdown":
            _note(request, thread, wanted, "markdown")
            return _markdown(request, thread, wanted)
        case "notebook":
            cells = _encoded(notebook.written(thread, wanted))
            _note(request, thread, wanted, "notebook")
            return _file(request, thread, cells, "ipynb", "application/x-ipynb+json")
        case "json":
            _note(request, thread, wanted, "json")
            zipped = archive.zipped(documents.entries(thread, wanted))
            return _file(request, thread, zipped, "zip", "application/zip")
    raise Http404("There is no such format.")


@access.signed_in
@require_safe
def printable(request: access.Request, thread_id: str) -> StreamingHttpResponse:
    """All of the thread on one page, for paper and for reading without scripts."""
    thread = access.thread(request, thread_id)
    wanted = _wanted(request)
    _note(request, thread, wanted, "page")
    return StreamingHttpResponse(
        streamed(_page(request, thread, wanted), Reader.of(request)),
        content_type="text/html; charset=utf-8",
        headers={"Cache-Control": "private, no-store"},
    )


def _note(request: access.Request, thread: Thread, wanted: Wanted, form: str) -> None:
    """Write down that it was taken; a look at how large it is takes nothing."""
    if request.method == "GET":
        threads.note_exported(thread, form, steps=wanted.steps, files=wanted.files)


def _page(request: access.Request, thread: Thread, wanted: Wanted) -> Generator[bytes, None, None]:
    context = {"thread": thread, "wanted": wanted}
    # The template is cut where the messages go.
    before, after = render_to_string("threads/print.html", context, request).split("<!-- here -->")
    yield before.encode()
    for items in history.read(thread):
        yield render_to_string("threads/printed.html", {**context, "items": items}).encode()
    yield after.encode()


def _markdown(request: access.Request, thread: Thread, wanted: Wanted) -> StreamingHttpResponse:
    if not markdown.has_files(thread, wanted):
        pieces = _encoded(markdown.written(thread, wanted))
        return _file(request, thread, pieces, "md", "text/markdown; charset=utf-8")
    name = names.of_download(thread.title, thread.id, "md")
    zipped = archive.zipped(markdown.with_files(thread, wanted, name))
    return _file(request, thread, zipped, "zip", "application/zip")


def _file(
    request: access.Request,
    thread: Thread,
    pieces: Generator[bytes, None, None],
    ending: str,
    content_type: str,
) -> StreamingHttpResponse:
    name = names.of_download(thread.title, thread.id, ending)
    return StreamingHttpResponse(
        streamed(pieces, Reader.of(request)),
        content_type=content_type,
        headers={
            "Content-Disposition": content_disposition_header(True, name) or "attachment",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


def _wanted(request: access.Request) -> Wanted:
    """A form that says nothing of the two wants both."""
    if "chosen" not in request.GET:
        return Wanted()
    return Wanted(steps="steps" in request.GET, files="files" in request.GET)


def _encoded(texts: Iterable[str]) -> Generator[bytes, None, None]:
    for text in texts:
        yield text.encode()

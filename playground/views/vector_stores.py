"""Vector stores: the list, making one, its files, trying a question on it, who uses it, its expiry,
renaming and deleting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError
from assistants.models import (
    Assistant,
    Chunk,
    FileStatus,
    Role,
    Thread,
    VectorStore,
    VectorStoreFile,
)
from assistants.models.vector_store_file import counted
from assistants.operations import (
    embedding,
    file_batches,
    ranked_search,
    store_uses,
    vector_store_files,
    vector_stores,
)
from assistants.operations.search import Found
from assistants.params import FileBatchCreate, VectorStoreCreate, VectorStoreUpdate
from assistants.params.vector_store import ExpiresAfter
from playground import access, paging, words
from playground.excerpts import Piece, excerpt
from playground.forms.names import NameForm
from playground.rendering.annotations import unmarked
from playground.service_words import refusal
from playground.views.files import stored

PASSAGES: Final = 10
"""So many answer a question that is tried."""
EXPIRIES: Final = (1, 7, 30, 90, 365)
"""Days without use after which a store may be let expire here; programs may name others."""
OWNERS: Final = 100
"""So many assistants, and so many threads, are offered a store, the newest first."""


@dataclass(frozen=True)
class Passage:
    """A passage that was found, and what of it is shown."""

    found: Found
    pieces: list[Piece]


@access.signed_in
@require_safe
def index(request: access.Request) -> HttpResponse:
    """All vector stores, the newest first."""
    found = VectorStore.objects.in_project(access.project(request)).newest_first()
    page = paging.page(request, found)
    counts = counted("vector_store", [store.id for store in page.rows])
    for store in page.rows:
        store.known_counts = counts[store.id]
    context = {
        "section": "files",
        "stores": page.rows,
        "page": page.number,
        "more": page.more,
    }
    return render(request, "vector_stores/index.html", context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: access.Request) -> HttpResponse:
    """Ask for a name, and make a store that is called so."""
    project = access.project(request, Role.EDITOR)
    form = NameForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        params = VectorStoreCreate(name=form.cleaned_data["title"] or None)
        return redirect("vector-store", vector_stores.create(project, params).id)
    context = {
        "heading": _("New vector store"),
        "label": _("Name"),
        "submit": _("Create"),
        "action": reverse("vector-store-new"),
        "form": form,
        "next": reverse("vector-stores"),
        "section": "files",
    }
    template = "_rename.html" if request.htmx else "rename.html"
    return render(request, template, context, status=422 if form.errors else 200)


@access.signed_in
@require_safe
def show(request: access.Request, vector_store_id: str) -> HttpResponse:
    """One store, and what it finds for ``q``."""
    store = access.vector_store(request, vector_store_id)
    query = request.GET.get("q", "").strip()
    context = _tried(store, query)
    if request.htmx:
        return render(request, "vector_stores/_found.html", context)
    context |= _files_context(request, store) | _uses_context(store)
    context |= {"section": "files", "expiries": EXPIRIES}
    return render(request, "vector_stores/show.html", context)


def _tried(store: VectorStore, query: str) -> dict[str, object]:
    """What a question finds, as a run would; nothing for none."""
    context: dict[str, object] = {"store": store, "query": query}
    if query:
        try:
            found = ranked_search.search(store.project, [store.id], [query], limit=PASSAGES)
        except ApiError as error:
            return context | {"problem": refusal(error)}
        context["found"] = [Passage(one, excerpt(unmarked(one.text), query)) for one in found]
    return context


def _uses_context(store: VectorStore) -> dict[str, object]:
    used = store_uses.uses(store)
    assistants = Assistant.objects.in_project(store.project).exclude(pk__in=used.ids)
    threads = Thread.objects.in_project(store.project).exclude(pk__in=used.ids)
    return {
        "uses": used,
        "other_assistants": assistants.newest_first().only("name")[:OWNERS],
        "other_threads": threads.newest_first().only("metadata", "opening")[:OWNERS],
    }


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: access.Request, vector_store_id: str) -> HttpResponse:
    """How the files stand, for a page that shows them. A POST adds files to the store."""
    store = access.vector_store(request, vector_store_id)
    if request.method != "POST":
        return render(request, "vector_stores/_files.html", _files_context(request, store))
    uploads = request.FILES.getlist("files")
    folders = chain(request.POST.getlist("folders"), repeat(""))
    refused, problem = _add(store, zip(uploads, folders, strict=False))
    if "scripted" in request.GET:
        # It sends many such requests, and tells the outcome of all.
        lines = (
            [problem] if problem else [f"{name}: {words.unsearchable(name)}" for name in refused]
        )
        return HttpResponse(
            "\n".join(lines), status=422 if problem else 201, content_type="text/plain"
        )
    if refused:
        told = words.listed(f"{name} ({words.unsearchable(name)})" for name in refused)
        messages.error(request, _("Not added: {names}").format(names=told))
    if problem:
        messages.error(request, problem)
    return redirect("vector-store", store.id)


def _add(
    store: VectorStore, uploads: "Iterable[tuple[UploadedFile[Any], str]]"
) -> tuple[list[str], str]:
    """Add what can be searched to the store, as one batch. The names of the others, and why none
    was added, if none was.

    :param uploads: each with the folder that it lay in
    """
    taken, refused = [], []
    for upload, folder in uploads:
        name = upload.name or "file"
        if vector_store_files.is_searchable(name):
            taken.append((upload, folder))
        else:
            refused.append(name)
    if taken:
        try:
            with transaction.atomic():
                store.check_not_expired()
                file_ids = [stored(store.project, *one).id for one in taken]
                file_batches.create(store, FileBatchCreate(file_ids=file_ids))
        except ApiError as error:
            return refused, refusal(error)
    return refused, ""


@access.signed_in
@require_POST
def expiry(request: access.Request, vector_store_id: str) -> HttpResponse:
    """Set after how many ``days`` without use the store expires; empty for never."""
    store = access.vector_store(request, vector_store_id)
    days = request.POST.get("days", "")
    if days and days not in map(str, (*EXPIRIES, store.expires_after_days)):
        messages.error(request, _("Choose one of the times that are offered."))
        return redirect("vector-store", store.id)
    after = ExpiresAfter(anchor="last_active_at", days=int(days)) if days else None
    vector_stores.update(store, VectorStoreUpdate(expires_after=after))
    messages.success(request, _("The expiry was changed."))
    return redirect("vector-store", store.id)


@access.signed_in
@require_POST
def use(request: access.Request, vector_store_id: str) -> HttpResponse:
    """Let an assistant or a thread, named by ``owner``, search the store."""
    store = access.vector_store(request, vector_store_id)
    owner_id = request.POST.get("owner", "")
    owner: Assistant | Thread
    if owner_id.startswith(Thread.prefix):
        owner = access.thread(request, owner_id)
        name = _("The thread “{name}”").format(name=owner.title or _("Untitled thread"))
    else:
        owner = access.assistant(request, owner_id)
        name = owner.name or _("Untitled")
    try:
        store_uses.give(store, owner)
        messages.success(request, _("{name} searches these files now.").format(name=name))
    except ApiError as error:
        messages.error(request, refusal(error))
    return redirect("vector-store", store.id)


@access.signed_in
@require_POST
def remove(request: access.Request, vector_store_id: str, file_id: str) -> HttpResponse:
    """Take a file out of the store. The file itself stays."""
    store = access.vector_store(request, vector_store_id)
    row = store.files.filter(file=file_id).select_related("file").first()
    if row is None:
        raise Http404("The vector store has no such file.")
    vector_store_files.delete(row)
    said = _("{name} was taken out. The file itself stays.").format(name=row.file.filename)
    messages.success(request, said)
    return redirect("vector-store", store.id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: access.Request, vector_store_id: str) -> HttpResponse:
    """Ask for a name, and give it."""
    store = access.vector_store(request, vector_store_id)
    form = NameForm(request.POST or None, initial={"title": store.name})
    back = reverse("vector-store", args=[store.id])
    if request.method == "POST" and form.is_valid():
        vector_stores.update(store, VectorStoreUpdate(name=form.cleaned_data["title"] or None))
        return redirect(back)
    context = {
        "heading": _("Rename vector store"),
        "label": _("Name"),
        "action": reverse("vector-store-rename", args=[store.id]),
        "form": form,
        "next": back,
        "section": "files",
    }
    template = "_rename.html" if request.htmx else "rename.html"
    return render(request, template, context, status=422 if form.errors else 200)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, vector_store_id: str) -> HttpResponse:
    """Ask, then delete. Its files stay."""
    store = access.vector_store(request, vector_store_id)
    name = store.name or _("this vector store")
    if request.method == "POST":
        vector_stores.delete(store)
        name = f"{name[:1].upper()}{name[1:]}"
        messages.success(request, _("{name} was deleted.").format(name=name))
        return redirect("vector-stores")
    context = {
        "title": _("Delete {name}?").format(name=name),
        "text": _(
            "Assistants and threads that use it go on without it. Its files stay. "
            "This cannot be undone."
        ),
        "action": reverse("vector-store-delete", args=[store.id]),
        "label": _("Delete vector store"),
        "back": reverse("vector-store", args=[store.id]),
        "section": "files",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def _files_context(request: access.Request, store: VectorStore) -> dict[str, object]:
    found = store.files.select_related("file").newest_first()
    failed_only = "failed" in request.GET
    page = paging.page(request, found.filter(status=FileStatus.FAILED) if failed_only else found)
    chunks = _chunk_counts(page.rows)
    counts = store.known_counts = store.counts
    return {
        "store": store,
        "done": counts.total - counts.in_progress,
        "rows": [(row, chunks.get(row.pk, 0)) for row in page.rows],
        "failed_only": failed_only,
        "filter": "&failed" if failed_only else "",
        "page": page.number,
        "more": page.more,
        "embedding": embedding.progress(store),
    }


def _chunk_counts(rows: Iterable[VectorStoreFile]) -> dict[int, int]:
    counted_rows = Chunk.objects.filter(store_file__in=[row.pk for row in rows])
    return dict(counted_rows.values_list("store_file").annotate(Count("pk")).order_by())

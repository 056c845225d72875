"""Vector stores: the list, the files of one, trying a question on it, renaming and deleting."""

from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError
from assistants.models import FileStatus, VectorStore
from assistants.models.vector_store_file import counted
from assistants.operations import (
    embedding,
    search,
    tool_resources,
    vector_store_files,
    vector_stores,
)
from assistants.params import VectorStoreUpdate
from playground import access, paging
from playground.forms.names import NameForm
from playground.views.files import stored

PASSAGES: Final = 10
"""So many answer a question that is tried."""


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
@require_safe
def show(request: access.Request, vector_store_id: str) -> HttpResponse:
    """One store, and what it finds for ``q``."""
    store = access.vector_store(request, vector_store_id)
    query = request.GET.get("q", "").strip()
    context = _files_context(request, store) | {"section": "files", "query": query}
    if query:
        try:
            context["found"] = search.search(store.project, [store.id], [query], limit=PASSAGES)
        except ApiError as error:
            context["problem"] = error.message
    template = "vector_stores/_found.html" if request.htmx else "vector_stores/show.html"
    return render(request, template, context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: access.Request, vector_store_id: str) -> HttpResponse:
    """How the files stand, for a page that shows them. A POST adds files to the store."""
    store = access.vector_store(request, vector_store_id)
    if request.method != "POST":
        return render(request, "vector_stores/_files.html", _files_context(request, store))
    uploads = request.FILES.getlist("files")
    names = [upload.name or "file" for upload in uploads]
    if refused := [name for name in names if not vector_store_files.is_searchable(name)]:
        messages.error(request, f"Not added, as it cannot be searched: {', '.join(refused)}")
    taken = [upload for upload in uploads if vector_store_files.is_searchable(upload.name or "")]
    if taken:
        try:
            with transaction.atomic():
                store.check_not_expired()
                file_ids = [stored(store.project, upload).id for upload in taken]
                tool_resources.add_searched(store, file_ids)
        except ApiError as error:
            messages.error(request, error.message)
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
    messages.success(request, f"{row.file.filename} was taken out. The file itself stays.")
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
        "heading": "Rename vector store",
        "label": "Name",
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
    name = store.name or "this vector store"
    if request.method == "POST":
        vector_stores.delete(store)
        messages.success(request, f"{name[:1].upper()}{name[1:]} was deleted.")
        return redirect("vector-stores")
    context = {
        "title": f"Delete {name}?",
        "text": "Assistants and threads that use it go on without it. Its files stay. "
        "This cannot be undone.",
        "action": reverse("vector-store-delete", args=[store.id]),
        "label": "Delete vector store",
        "back": reverse("vector-store", args=[store.id]),
        "section": "files",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def _files_context(request: access.Request, store: VectorStore) -> dict[str, object]:
    page = paging.page(request, store.files.select_related("file").newest_first())
    store.known_counts = store.counts
    return {
        "store": store,
        "rows": page.rows,
        "page": page.number,
        "more": page.more,
        "in_progress": any(row.status == FileStatus.IN_PROGRESS for row in page.rows),
        "embedding": embedding.progress(store),
    }

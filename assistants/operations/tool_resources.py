"""What the tools of an assistant or a thread may open: checks and the form on the wire."""

from collections.abc import Iterable, Sequence
from typing import Any

from assistants import refusals
from assistants.errors import Wire
from assistants.models import Assistant, File, Project, Thread, VectorStore
from assistants.operations import file_types, files, vector_store_files, vector_stores
from assistants.params import VectorStoreFileCreate, validate
from assistants.params.vector_store import InlineVectorStore

MAX_FILES = 20
"""So many files an assistant, and a thread, may give the code interpreter."""

EMPTY: dict[str, Wire] = {
    "code_interpreter": {"file_ids": []},
    "file_search": {"vector_store_ids": []},
}
"""What a tool may open that was given nothing."""


def check_count(file_ids: list[str]) -> None:
    """
    :raises Invalid: more files than the code interpreter takes
    """
    if len(file_ids) > MAX_FILES:
        path = "tool_resources.code_interpreter.file_ids"
        raise refusals.ARRAY_TOO_LONG(path=path, limit=MAX_FILES, got=len(file_ids))


def stored(
    project: Project,
    asked: Wire | None,
    tools: Iterable[Wire] = (),
    before: Wire | None = None,
) -> Wire:
    """tool_resources as they are kept: what was asked, and an empty list for a tool that has none.
    Resources of a tool that is not named stay as they were; null clears all.

    :param before: what was kept; what is named there and was deleted since does not matter here
    :raises NotFound: a file or vector store that is not there
    :raises Invalid: a file is of a type that its tool does not take
    """
    resources: Wire = {}
    kept = {} if asked is None else before or {}
    for tool in tools:
        if tool["type"] in EMPTY:
            resources[tool["type"]] = EMPTY[tool["type"]]
    resources |= {name: kept[name] for name in EMPTY if name in kept}
    interpreter: dict[str, Any] | None = (asked or {}).get("code_interpreter")
    if interpreter is not None:
        file_ids = list(dict.fromkeys(interpreter.get("file_ids", [])))
        known = set(kept.get("code_interpreter", {}).get("file_ids", []))
        new = [file_id for file_id in file_ids if file_id not in known]
        files.check_known(project, new)
        file_types.check_for_code(project, new)
        resources["code_interpreter"] = {"file_ids": file_ids}
    search: dict[str, Any] | None = (asked or {}).get("file_search")
    if search is not None:
        known = set(kept.get("file_search", {}).get("vector_store_ids", []))
        store_ids = search.get("vector_store_ids") or []
        for store_id in store_ids:
            if store_id not in known:
                VectorStore.objects.in_project(project).fetch(store_id)
        if inline := search.get("vector_stores"):
            params = validate(InlineVectorStore, inline[0])
            store_ids = [vector_stores.create_inline(project, params).id]
        resources["file_search"] = {"vector_store_ids": store_ids}
    return {name: resources[name] for name in EMPTY if name in resources}


def make_searchable(thread: Thread, file_ids: Sequence[str]) -> None:
    """Add files to the thread's vector store, which is created if it has none. The caller saves the
    thread, within its transaction.

    :raises Invalid: a file is of a type that is not searched, or the store has expired
    """
    store = store_of(thread)
    if store is None:
        store = vector_stores.create_for_thread(thread.project)
        thread.tool_resources = {
            **thread.tool_resources,
            "file_search": {"vector_store_ids": [store.id]},
        }
    add_searched(store, file_ids)


def store_of(owner: Assistant | Thread) -> VectorStore | None:
    """The vector store of an assistant or a thread that files are added to, if it has one."""
    stores = VectorStore.objects.in_project(owner.project)
    return stores.filter(pk__in=owner.vector_store_ids).first()


def add_searched(store: VectorStore, file_ids: Sequence[str]) -> None:
    """Add files that are to be searched.

    :raises NotFound: one of them is not there
    :raises Invalid: one of them is of a type that is not searched, or the store has expired
    """
    found = File.objects.in_project(store.project).filter(pk__in=file_ids)
    vector_store_files.check_supported(found.values_list("filename", flat=True))
    vector_store_files.add(store, [VectorStoreFileCreate(file_id=file_id) for file_id in file_ids])


def search_own_files(assistant: Assistant, before: Iterable[str]) -> None:
    """Let file search find the files that the code interpreter may open, and those that it might
    before no more: in the first version of the API an assistant has one list of files for all its
    tools. The caller saves the assistant, within its transaction.

    :raises Invalid: a file is of a type that is not searched
    """
    file_ids = assistant.code_interpreter_file_ids
    store = store_of(assistant)
    if store is not None:
        # Also while nothing is searched: the tool may come back, and finds what the list has then.
        for row in store.files.filter(file__in=set(before) - set(file_ids)):
            vector_store_files.delete(row)
    if not assistant.has_tool("file_search"):
        return
    if store is None:
        store = vector_stores.create_inline(assistant.project, InlineVectorStore())
        assistant.tool_resources = {
            **assistant.tool_resources,
            "file_search": {"vector_store_ids": [store.id]},
        }
    found = File.objects.in_project(assistant.project).filter(pk__in=file_ids)
    vector_store_files.check_supported(found.values_list("filename", flat=True))
    # What was deleted since is in the list still.
    there = set(found.values_list("pk", flat=True))
    vector_store_files.add(
        store,
        [VectorStoreFileCreate(file_id=file_id) for file_id in file_ids if file_id in there],
    )


def of_run(assistant: Assistant, thread: Thread) -> Wire:
    """What the tools of a run may open: the assistant's files and stores, and the thread's."""
    file_ids = [*assistant.code_interpreter_file_ids, *thread.code_interpreter_file_ids]
    resources: Wire = {"code_interpreter": {"file_ids": list(dict.fromkeys(file_ids))}}
    # Recordings have the interpreter's files in every run; stores are for the run alone.
    if store_ids := [*assistant.vector_store_ids, *thread.vector_store_ids]:
        resources["file_search"] = {"vector_store_ids": list(dict.fromkeys(store_ids))}
    return resources

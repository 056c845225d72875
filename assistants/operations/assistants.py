"""Creating, changing and deleting assistants."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction

from assistants import refusals
from assistants.errors import Wire
from assistants.models import Assistant, File, Project
from assistants.operations import (
    audit,
    file_types,
    leftovers,
    providers,
    tool_resources,
    upstreams,
    vector_stores,
)
from assistants.params import AssistantCreate, AssistantUpdate, VectorStoreCreate
from assistants.params.base import MAX_FILES

DEFAULTS: dict[str, Any] = {
    "tools": [],
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "response_format": "auto",
}
"""What null, or nothing, means for the fields that are never null on the wire."""


def create(project: Project, params: AssistantCreate, *, one_list: bool = False) -> Assistant:
    """
    :param one_list: all tools have the same files, as in the first version of the API
    :raises Invalid: the model does not exist, or two functions share a name
    :raises NotFound: a file or vector store of its tool resources is not there
    """
    if upstreams.is_elsewhere(params.model):
        return upstreams.create(project, params)
    fields = _with_defaults(params.model_dump(mode="json", by_alias=True))
    _check(project, fields)
    with transaction.atomic():
        fields["tool_resources"] = tool_resources.stored(
            project, fields["tool_resources"], fields["tools"]
        )
        assistant = Assistant(project=project, **fields)
        if one_list:
            tool_resources.search_own_files(assistant, before=())
        assistant.save(force_insert=True)
        audit.note("assistant.created", project, assistant)
        return assistant


def update(assistant: Assistant, params: AssistantUpdate, *, one_list: bool = False) -> Assistant:
    """Change the fields that the caller named; null clears one.

    :param one_list: all tools have the same files, as in the first version of the API
    :raises Invalid: the model does not exist, or two functions share a name
    :raises NotFound: a file or vector store of its tool resources is not there
    """
    fields = _with_defaults(params.model_dump(mode="json", by_alias=True, exclude_unset=True))
    if fields.get("model", "") is None:
        raise refusals.WRONG_TYPE(path="model", expected="a string", got="null")
    if assistant.home:
        return upstreams.change(assistant, params)
    # Before the transaction: a provider may be asked for its models, and others wait for the lock.
    _check(assistant.project, fields)
    with transaction.atomic():
        row = Assistant.objects.select_for_update().get(pk=assistant.pk)
        if "tools" in fields or "tool_resources" in fields:
            now = {"tools": row.tools, "tool_resources": row.tool_resources, **fields}
            fields["tool_resources"] = tool_resources.stored(
                row.project, now["tool_resources"], now["tools"], before=row.tool_resources
            )
        before = row.code_interpreter_file_ids
        changed = [name for name, value in fields.items() if getattr(row, name) != value]
        for name, value in fields.items():
            setattr(row, name, value)
        if one_list and fields.keys() & {"tools", "tool_resources"}:
            tool_resources.search_own_files(row, before)
        row.save(update_fields=list(fields) or None)
        if changed:
            audit.note("assistant.changed", row.project, row, fields=sorted(changed))
    return row


@transaction.atomic
def attach_file(assistant: Assistant, file: File) -> None:
    """Let the assistant's tools open the file, besides those that they already may.

    :raises Invalid: it may open as many as an assistant can, or none of this type
    """
    file_types.check_for_code(assistant.project, [file.id])
    row = Assistant.objects.select_for_update().get(pk=assistant.pk)
    file_ids = list(dict.fromkeys([*row.code_interpreter_file_ids, file.id]))
    if len(file_ids) > MAX_FILES:
        raise refusals.ARRAY_TOO_LONG(path="file_ids", limit=MAX_FILES, got=len(file_ids))
    _open(row, file_ids)


@transaction.atomic
def detach_file(assistant: Assistant, file_id: str) -> None:
    """Take the file from the assistant. The file itself stays.

    :raises NotFound: the assistant does not have it
    """
    row = Assistant.objects.select_for_update().get(pk=assistant.pk)
    file_ids = row.code_interpreter_file_ids
    if file_id not in file_ids:
        raise refusals.not_found("file", file_id)
    _open(row, [known for known in file_ids if known != file_id])


@transaction.atomic
def change_searched_files(
    assistant: Assistant, added: Sequence[str], removed: Collection[str]
) -> Assistant:
    """Let file search find other files: in the assistant's vector store, which is created and named
    after it if it has none. The files themselves stay.

    :raises NotFound: one of the added files is not there
    :raises Invalid: one of them is of a type that is not searched, or the store has expired
    """
    row = Assistant.objects.select_for_update().get(pk=assistant.pk)
    store = tool_resources.store_of(row)
    if added:
        if store is None:
            store = vector_stores.create(row.project, VectorStoreCreate(name=row.name))
            row.tool_resources = {
                **row.tool_resources,
                "file_search": {"vector_store_ids": [store.id]},
            }
            row.save(update_fields=["tool_resources"])
        tool_resources.add_searched(store, added)
    if store and removed:
        leftovers.leave(store.files.filter(file__in=removed))
        audit.note("vector_store.files_removed", row.project, store, files=sorted(removed))
    return row


def _open(row: Assistant, file_ids: list[str]) -> None:
    before = row.code_interpreter_file_ids
    row.tool_resources = {**row.tool_resources, "code_interpreter": {"file_ids": file_ids}}
    tool_resources.search_own_files(row, before)
    row.save(update_fields=["tool_resources"])
    audit.note("assistant.changed", row.project, row, fields=["tool_resources"])


def delete(assistant: Assistant) -> None:
    """Runs that go on keep their own copy of what they need. One that lives elsewhere is deleted
    there.

    :raises Unavailable: the server where it lives does not answer
    :raises Invalid: it refuses
    """
    if assistant.home:
        # Before the transaction: others wait for the database meanwhile.
        upstreams.delete_there(assistant)
    with transaction.atomic():
        audit.note("assistant.deleted", assistant.project, assistant)
        assistant.delete()


def note_exported(assistant: Assistant) -> None:
    """Write down that somebody has taken it along."""
    audit.note("assistant.exported", assistant.project_id, assistant)


def _with_defaults(fields: Wire) -> Wire:
    return {
        name: DEFAULTS[name] if value is None and name in DEFAULTS else value
        for name, value in fields.items()
    }


def _check(project: Project, fields: Wire) -> None:
    if fields.get("model"):
        providers.resolve(fields["model"], project)
    check_function_names(fields.get("tools", []))


def check_function_names(tools: list[Wire]) -> None:
    """
    :raises Invalid: two functions share a name, or one has the name of a built-in tool
    """
    seen = {"code_interpreter", "file_search"}
    for place, tool in enumerate(tools):
        if tool["type"] != "function":
            continue
        name = tool["function"]["name"]
        if name in seen:
            raise refusals.FUNCTION_TWICE(path=f"tools[{place}].function.name", name=name)
        seen.add(name)

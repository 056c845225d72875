"""What the tools of an assistant or a thread may open: checks and the form on the wire."""

from collections.abc import Iterable
from typing import Any

from assistants.errors import Invalid, NotFound, Wire
from assistants.models import Assistant, File, Project, Thread

MAX_FILES = 20
"""So many files an assistant, and a thread, may give the code interpreter."""


def check_files(project: Project, file_ids: Iterable[str]) -> None:
    """
    :raises NotFound: the first id that is no file of this project
    """
    asked = list(dict.fromkeys(file_ids))
    if not asked:
        return
    known = set(File.objects.in_project(project).filter(pk__in=asked).values_list("pk", flat=True))
    for file_id in asked:
        if file_id not in known:
            raise NotFound.of("file", file_id)


def check_count(file_ids: list[str]) -> None:
    """
    :raises Invalid: more files than the code interpreter takes
    """
    if len(file_ids) > MAX_FILES:
        param = "tool_resources.code_interpreter.file_ids"
        raise Invalid(
            f"Invalid '{param}': array too long. Expected an array with maximum length "
            f"{MAX_FILES}, but got an array with length {len(file_ids)} instead.",
            param=param,
            code="array_above_max_length",
        )


def stored(
    project: Project,
    asked: Wire | None,
    tools: Iterable[Wire] = (),
    known: Iterable[str] = (),
) -> Wire:
    """tool_resources as they are kept: what was asked, and an empty list for a tool that has none.

    :param known: files that were named before; one that was deleted since does not matter here
    :raises NotFound: a file that is not there
    """
    resources: Wire = {}
    if any(tool["type"] == "code_interpreter" for tool in tools):
        resources["code_interpreter"] = {"file_ids": []}
    interpreter: dict[str, Any] | None = (asked or {}).get("code_interpreter")
    if interpreter is not None:
        file_ids = list(dict.fromkeys(interpreter.get("file_ids", [])))
        before = set(known)
        check_files(project, [file_id for file_id in file_ids if file_id not in before])
        resources["code_interpreter"] = {"file_ids": file_ids}
    return resources


def of_run(assistant: Assistant, thread: Thread) -> Wire:
    """What the tools of a run may open: the assistant's files and vector stores and the thread's.

    Vector stores are named only where there are some; the wire does not show them.
    """
    file_ids = [*assistant.code_interpreter_file_ids, *thread.code_interpreter_file_ids]
    resources: Wire = {"code_interpreter": {"file_ids": list(dict.fromkeys(file_ids))}}
    store_ids = [*vector_store_ids(assistant), *vector_store_ids(thread)]
    if store_ids:
        resources["file_search"] = {"vector_store_ids": list(dict.fromkeys(store_ids))}
    return resources


def vector_store_ids(holder: Assistant | Thread) -> list[str]:
    """The vector stores that file search has from an assistant or a thread: one at most."""
    return list(holder.tool_resources.get("file_search", {}).get("vector_store_ids", []))

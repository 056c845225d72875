"""The files of file search in an assistant's form.

The form names the files that it shows and, apart from that, those of the vector store that it was
made with: only what differs is added to the store or taken out, so that the many others of a large
store, and what came to it meanwhile, stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict

from assistants.models import Assistant, File, FileStatus, Project, VectorStore, VectorStoreFile
from assistants.operations import tool_resources

MAX_SHOWN: Final = 50
"""So many files of a store are in the form, the newest."""


@dataclass(frozen=True)
class Shown:
    """A file in the form. ``row`` is its place in the vector store; None until it has one."""

    file: File
    row: VectorStoreFile | None = None


@dataclass(frozen=True)
class Searched:
    """What the form shows: files, those of the store that it was made with, how many more the store
    has.
    """

    store: VectorStore | None = None
    files: list[Shown] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def in_progress(self) -> bool:
        """Whether a file's status is still to change."""
        return in_progress(self.files)


@dataclass(frozen=True)
class Change:
    """What a person has done to the list."""

    added: list[File]
    removed: list[str]

    @property
    def added_ids(self) -> list[str]:
        return [file.id for file in self.added]


def of(assistant: Assistant | None, change: Change | None = None) -> Searched:
    """What the form shows of an assistant, with a change that could not be made yet."""
    added = [Shown(file) for file in change.added] if change else []
    store = tool_resources.store_of(assistant) if assistant else None
    if store is None:
        return Searched(files=added)
    rows = list(store.files.select_related("file").newest_first()[: MAX_SHOWN + 1])
    more = store.files.count() - MAX_SHOWN if len(rows) > MAX_SHOWN else 0
    rows = rows[:MAX_SHOWN][::-1]
    removed = change.removed if change else []
    return Searched(
        store,
        [Shown(row.file, row) for row in rows if row.file_id not in removed] + added,
        [row.file_id for row in rows],
        more,
    )


def some_of(assistant: Assistant, file_ids: Iterable[str]) -> list[Shown]:
    """Those of the files that are in the assistant's vector store."""
    store = tool_resources.store_of(assistant)
    if store is None:
        return []
    rows = store.files.filter(file__in=list(file_ids)).select_related("file")
    return [Shown(row.file, row) for row in rows]


def in_progress(files: Iterable[Shown]) -> bool:
    """Whether one of the files is being read."""
    return any(one.row and one.row.status == FileStatus.IN_PROGRESS for one in files)


def change_of(data: QueryDict, project: Project, uploaded: list[File]) -> Change:
    """What the form says was done to the list.

    :param uploaded: files that came with the form itself
    """
    before = data.get("searched_before", "").split()
    named = [file_id for file_id in data.getlist("searched_id") if file_id != data.get("unsearch")]
    new = [file_id for file_id in dict.fromkeys(named) if file_id not in before]
    found = File.objects.in_project(project).in_bulk(new)
    return Change(
        [found[file_id] for file_id in new if file_id in found] + uploaded,
        [file_id for file_id in before if file_id not in named],
    )

"""The files that a call made or changed: which are offered, and the copies of those."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.files import State
from assistants.tools.code_interpreter.limits import MIB
from assistants.tools.code_interpreter.not_offered import NotOffered, reason_against, reason_of
from assistants.tools.code_interpreter.outputs import DATA, Output, SavedFile
from assistants.tools.code_interpreter.session_folder import SessionFolder

logger = logging.getLogger(__name__)


async def save_changed(
    folder: SessionFolder,
    before: Mapping[str, State],
    left: Mapping[str, State],
    put: Callable[[Output], None],
) -> list[str]:
    """Copy out, oldest first, what a call has `left` that was not there `before`, and `put` each.
    What there is to be told of those that are not offered.
    """
    not_offered = NotOffered()
    changed: list[str] = []
    for path, state in left.items():
        if state == before.get(path) or not _is_of_interest(path) or folder.is_sent(path, state):
            continue
        if why := reason_against(path, state):
            not_offered.add(path, why)
        else:
            changed.append(path)
    changed.sort(key=lambda path: (left[path].modified, path))

    notes: list[str] = []
    limits = folder.limits
    room = limits.disk  # a file with holes says it is larger than what it takes
    for path in changed[: limits.saved_files]:
        largest = min(limits.file_size, room)
        try:
            output_id, size = await asyncio.to_thread(
                folder.outputs.copy, folder.data, path, largest
            )
        except files.TooLarge:
            notes.append(f"{path} was not kept: it is larger than {largest // MIB} MB.")
        except OSError as error:
            logger.info("session %s: %r not kept: %s", folder.path.name, path, error)
            not_offered.add(path, reason_of(error))
        else:
            room -= size
            put(SavedFile(output_id, f"{DATA}/{folder.shown_name(path)}", size))
    if (more := len(changed) - limits.saved_files) > 0:
        notes.append(f"{more} more files were written; they stay under {DATA} but are not offered.")
    return notes + not_offered.notes()


def _is_of_interest(path: str) -> bool:
    """Whether it is neither a cache nor hidden."""
    return not any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))

"""What a call is told of files that it made and that are not offered: each once, in plain words."""

import errno
from typing import Final

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.files import State

_NAMED: Final = 3  # files that a sentence names; the others it counts
_UNSHOWABLE: Final = "a name that cannot be shown"
_SYMBOLIC: Final = "symbolic links"
_KINDS: Final = {"link": _SYMBOLIC, "special": "pipes, sockets or devices"}
_ERRORS: Final = {
    errno.EMLINK: "hard links, several names of one file",
    errno.ELOOP: _SYMBOLIC,
    errno.ENOENT: "gone before they could be copied",
    errno.EACCES: "not to be read by anybody",
}


def reason_against(path: str, state: State) -> str | None:
    """Why a file is not offered, as far as its name and its kind tell; None if they do not."""
    if not files.is_presentable(path):
        return _UNSHOWABLE
    return _KINDS.get(state.kind)


def reason_of(error: OSError) -> str:
    """Why a file could not be copied."""
    return _ERRORS.get(error.errno or 0, "could not be copied")


class NotOffered:
    """The files of one call that are not offered, by the reason."""

    def __init__(self) -> None:
        self._paths: dict[str, list[str]] = {}

    def add(self, path: str, why: str) -> None:
        """Note one, with what `reason_against` or `reason_of` says."""
        self._paths.setdefault(why, []).append(path)

    def notes(self) -> list[str]:
        """A sentence for each reason."""
        shown = {why: paths for why, paths in self._paths.items() if why != _UNSHOWABLE}
        said = [f"Not offered ({why}): {_listed(paths)}." for why, paths in shown.items()]
        unshowable = len(self._paths.get(_UNSHOWABLE, ()))
        if unshowable == 1:
            said.append("1 file is not offered because its name cannot be shown: rename it.")
        elif unshowable:
            said.append(
                f"{unshowable} files are not offered because their names cannot be shown: "
                "rename them."
            )
        return said


def _listed(paths: list[str]) -> str:
    named = ", ".join(sorted(paths)[:_NAMED])
    return named if len(paths) <= _NAMED else f"{named} and {len(paths) - _NAMED} more"

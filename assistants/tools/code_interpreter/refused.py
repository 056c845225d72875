"""What a call is told of files that it made and that are not offered: each once, in plain words."""

import errno
from typing import Final

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.files import State

_NAMED: Final = 3  # files that a sentence names; the others it counts
_SYMBOLIC: Final = "symbolic links"
_KINDS: Final = {"link": _SYMBOLIC, "special": "pipes, sockets or devices"}
_ERRORS: Final = {
    errno.EMLINK: "hard links, several names of one file",
    errno.ELOOP: _SYMBOLIC,
    errno.ENOENT: "gone before they could be copied",
    errno.EACCES: "not to be read by anybody",
}


class Refused:
    """The files of one call that are not offered, by the reason."""

    def __init__(self) -> None:
        self._unshowable = 0
        self._paths: dict[str, list[str]] = {}

    def refuse(self, path: str, state: State) -> bool:
        """Whether what is known of a file is enough not to offer it; then it is noted."""
        if not files.is_presentable(path):
            self._unshowable += 1
            return True
        if state.kind == "file":
            return False
        self._paths.setdefault(_KINDS[state.kind], []).append(path)
        return True

    def failed(self, path: str, error: OSError) -> None:
        """Note one that could not be copied."""
        why = _ERRORS.get(error.errno or 0, "could not be copied")
        self._paths.setdefault(why, []).append(path)

    def notes(self) -> list[str]:
        """A sentence for each reason."""
        said = [f"Not offered ({why}): {_listed(paths)}." for why, paths in self._paths.items()]
        if self._unshowable == 1:
            said.append("1 file is not offered because its name cannot be shown: rename it.")
        elif self._unshowable:
            said.append(
                f"{self._unshowable} files are not offered because their names cannot be shown: "
                "rename them."
            )
        return said


def _listed(paths: list[str]) -> str:
    named = ", ".join(sorted(paths)[:_NAMED])
    return named if len(paths) <= _NAMED else f"{named} and {len(paths) - _NAMED} more"

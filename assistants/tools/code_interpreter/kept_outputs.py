"""Copies of what a session's calls gave, kept for a while to be fetched."""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files

_KEPT_SECONDS: Final = 15 * 60


class KeptOutputs:
    """A folder of the server's own with a file for each output, named by its id."""

    def __init__(self, folder: Path, most: int) -> None:
        """`most` is how many bytes all together may have for long."""
        self._folder = folder
        self._most = most
        folder.mkdir(mode=0o700, exist_ok=True)

    def keep(self, content: bytes) -> str:
        """Write an output; its id."""
        output_id = _new_id()
        with (self._folder / output_id).open("xb") as written:
            written.write(content)
        return output_id

    def copy(self, data: Path, path: str, largest: int) -> tuple[str, int]:
        """Copy the file `path` out of the session's folder; its id and its size in bytes.

        Raises as `files.copy_out` does.
        """
        output_id = _new_id()
        return output_id, files.copy_out(data, path, self._folder / output_id, largest)

    def find(self, output_id: str) -> Path | None:
        """The file with an output's bytes, or None if there is none (any more)."""
        path = self._folder / output_id
        return path if path.is_file() else None

    def remove(self, output_id: str) -> None:
        """Remove the bytes of an output, if they are there."""
        (self._folder / output_id).unlink(missing_ok=True)

    def remove_old(self) -> None:
        """Those that nobody will fetch any more, and the oldest if all together are too large."""
        kept: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # whoever asked for it has just taken it
                state = path.stat()
                kept.append((state.st_mtime, state.st_size, path))
        usage = sum(size for _, size, _ in kept)
        for made, size, path in sorted(kept):
            if time.time() - made > _KEPT_SECONDS or usage > self._most:
                usage -= size
                path.unlink(missing_ok=True)


def _new_id() -> str:
    return f"out_{os.urandom(12).hex()}"

"""Making a waiting kernel's folder that of a session, in a way that a crash cannot cut in two.

A waiting kernel has its own empty /mnt/data already mounted. When a session takes it, what the
session has is moved in there and that folder becomes the session's, so that a mount in a running
sandbox never has to change.
"""

from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files

_CLAIM: Final = "claimed-by"


def move_in(box: Path, folder: Path) -> None:
    """Make the `data` of a sandbox's box the `data` of a session's folder, with all that is in
    that.
    """
    (box / _CLAIM).write_text(folder.name)  # if the server ends half-way, the next one goes on
    _finish(box, folder)


def clear(boxes: Path, sessions: Path) -> None:
    """Finish what an earlier server was interrupted in, and remove what its sandboxes left."""
    for box in boxes.iterdir() if boxes.exists() else ():
        claim = box / _CLAIM
        if claim.exists():
            folder = sessions / claim.read_text()
            if folder.exists():
                _finish(box, folder)
        files.remove_tree(box)


def _finish(box: Path, folder: Path) -> None:
    old, new = folder / "data", box / "data"
    if new.exists():
        if old.exists():
            files.move_all(old, new)
            files.remove_tree(old)
        new.rename(old)
    (box / _CLAIM).unlink()

"""Who writes next, among the threads of all processes that use one SQLite file.

SQLite has no queue: whoever finds the file locked sleeps, longer each time, and looks again. Under
load somebody else has it at each of these moments, and a write of a millisecond waits for seconds.
"""

import contextlib
import fcntl
import functools
import logging
import os
import threading

logger = logging.getLogger(__name__)


class Turn:
    """One for each file and process. It only orders: what keeps writers apart is SQLite's own lock,
    so a turn that cannot be had is an inconvenience.

    Within a process a lock wakes the next thread; between processes, of which one thread each waits
    at a time, ``flock`` does. Both are free again when their holder dies.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = threading.Lock()
        self._file: int | None = None

    def take(self, seconds: float) -> bool:
        """Wait for the turn, for so long at most. False when it did not come."""
        if not self._thread.acquire(timeout=seconds):
            return False
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            logger.warning("writers take no turns between processes: %s", error)
        return True

    def give(self) -> None:
        """Let the next one write."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()


@functools.cache
def turn(path: str) -> Turn:
    """The turn of this process at a path."""
    return Turn(path)

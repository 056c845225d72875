"""The time that objects are stamped with: strictly increasing within a process, and never standing
still.

Lists are ordered by (created_at, id). Two objects made one after the other must list in that order,
even when the system clock is set back between them; and leases and deadlines must pass all the
same. So a process whose clock was set back goes on from where it was, until it is started anew.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

_lock = threading.Lock()
_last = datetime.min.replace(tzinfo=UTC)
_ticks = 0.0
"""When that was, by a clock that nobody sets."""


def now() -> datetime:
    """The current time in UTC, at least a microsecond after the last one given out."""
    global _last, _ticks
    with _lock:
        ticks = time.monotonic()
        passed = max(timedelta(seconds=ticks - _ticks), timedelta(microseconds=1))
        _last, _ticks = max(_system(), _last + passed), ticks
        return _last


def _system() -> datetime:
    return datetime.now(UTC)


def unix(moment: datetime | None) -> int | None:
    """Whole unix seconds, as the API shows every time."""
    return None if moment is None else int(moment.timestamp())

"""The time that objects are stamped with: strictly increasing within a process.

Lists are ordered by (created_at, id). Two objects made one after the other must list in that order,
even when the system clock stands still or jumps back between them.
"""

import threading
from datetime import UTC, datetime, timedelta

_lock = threading.Lock()
_last = datetime.min.replace(tzinfo=UTC)


def now() -> datetime:
    """The current time in UTC, at least a microsecond after the last one given out."""
    global _last  # noqa: PLW0603
    with _lock:
        _last = max(datetime.now(UTC), _last + timedelta(microseconds=1))
        return _last


def unix(moment: datetime | None) -> int | None:
    """Whole unix seconds, as the API shows every time."""
    return None if moment is None else int(moment.timestamp())

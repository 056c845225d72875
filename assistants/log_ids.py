"""What a line of the log is about: ids of the request, the thread and the run that it was written
for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

ids: ContextVar[Mapping[str, str]] = ContextVar(
    "log_ids",
    default=MappingProxyType({}),
)


def speaking_of(**about: str) -> None:
    """From here on, until the task or thread has done with it, lines are about these as well."""
    ids.set({**ids.get(), **about})


@contextmanager
def speaking_for_a_moment_of(**about: str) -> Iterator[None]:
    """The same, in a loop over many."""
    before = ids.set({**ids.get(), **about})
    try:
        yield
    finally:
        ids.reset(before)

"""Who asks for what is being done: a person, a program with a key, or the service itself.

Operations are the same for all; what they write down of the asker (who wrote a message, who deleted
a file) they take from here, so that no caller has to hand it through.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["user", "key", "guest", "service"]


@dataclass(frozen=True)
class Actor:
    """
    :param id: the id of the user or of the key; "" for the service and for guests
    :param name: as people know them, kept so that it can still be told when they are gone
    """

    kind: Kind
    id: str
    name: str

    @property
    def user_id(self) -> int | None:
        return int(self.id) if self.kind == "user" else None

    @property
    def kept(self) -> dict[str, str]:
        """What is written down of them: kind, id and name; nothing of the service itself."""
        if self.kind == "service":
            return {}
        return {"kind": self.kind, "id": self.id, "name": self.name}

    @property
    def key_id(self) -> str:
        return self.id if self.kind == "key" else ""


SERVICE: Final = Actor("service", "", "")
"""What runs, sweeps and commands do by themselves."""

GUEST: Final = Actor("guest", "", "")
"""Who is not signed in: who opens a share link, or tries to sign in."""

_actor: ContextVar[Actor] = ContextVar("actor", default=SERVICE)


def current() -> Actor:
    return _actor.get()


def become(actor: Actor) -> None:
    """From now on, to the end of the request, it is they who ask."""
    _actor.set(actor)


@contextmanager
def acting(actor: Actor = SERVICE) -> Iterator[None]:
    """Whatever is done inside is done by them, or by whom they let become it."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)

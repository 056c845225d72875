"""What is rendered for readers of a share link: under which address, and what of it is left out.

Everything that makes HTML of a thread asks here, so that a shared page comes from the same
templates as its owner's and yet leads nowhere else. Of a member's page there is no scope.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from assistants.models import Share


@dataclass(frozen=True)
class Scope:
    """Two scopes that are equal show the same.

    :ivar token: that of the link, which stands in all its addresses
    :ivar sharer_id: the user who shares it, and whose name is ``sharer``; "" if none does
    """

    share_id: str
    token: str
    changed_at: datetime
    expires_at: datetime | None
    steps: bool
    files: bool
    sharer_id: str
    sharer: str

    @classmethod
    def of(cls, share: Share, token: str) -> "Scope":
        return cls(
            share.id,
            token,
            share.changed_at,
            share.expires_at,
            share.shows_steps,
            share.shows_files,
            share.author.get("id", "") if share.author.get("kind") == "user" else "",
            share.sharer,
        )

    def still_holds(self) -> bool:
        """Whether the link is usable and shows what it did."""
        usable = Share.objects.usable().filter(pk=self.share_id, changed_at=self.changed_at)
        return usable.exists()


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    return _scope.get()


def shows_steps() -> bool:
    scope = _scope.get()
    return scope is None or scope.steps


def name_of_run(run_id: str) -> str:
    """What names the run on the page: its id, or where nothing of runs is shown something that
    tells none of it, nor that it is the same run as on a page of another link.
    """
    scope = _scope.get()
    if scope is None or scope.steps:
        return run_id
    return f"run-{hashlib.sha256(f'{scope.token} {run_id}'.encode()).hexdigest()[:16]}"


def shows_files() -> bool:
    scope = _scope.get()
    return scope is None or scope.files


@contextmanager
def showing(scope: Scope | None) -> Iterator[None]:
    """What is rendered within is for readers of this link; of None, for members."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)

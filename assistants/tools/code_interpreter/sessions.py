"""All sessions of the server: which there are, and when they give up their kernels.

On disk, below the root: a folder for each (see session.py), and `.boxes/<kernel>/`, the folders of
one sandbox, whose `data` serves until a session takes it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import memory, moving
from assistants.tools.code_interpreter.limits import MIB
from assistants.tools.code_interpreter.places import Places, spoken
from assistants.tools.code_interpreter.pool import Pool
from assistants.tools.code_interpreter.sandboxes import Sandboxes
from assistants.tools.code_interpreter.session import Session

logger = logging.getLogger(__name__)

_MEMORY_SECONDS: Final = 1.0
# Memory counts as there again only somewhat above the mark, so that kernels do not come and go.
_ENOUGH: Final = 1.25


class Sessions:
    """All sessions of the server."""

    def __init__(
        self,
        sandboxes: Sandboxes,
        root: Path,
        sockets: Path,
        *,
        warm: int,
        idle: float,
        kernels: int,
        patience: float,
        spared: int = 0,
    ) -> None:
        """`idle` seconds without a call end a session's kernel; there are at most `kernels` of
        them, and a call waits up to `patience` seconds for one. Kernels without a call end while
        less than `spared` bytes of memory are left.
        """
        self.spared = spared
        self._root = root
        self._sandboxes = sandboxes
        self._idle = idle
        self._places = Places(kernels, self._make_room, patience)
        self._sessions: dict[str, Session] = {}
        self._tasks: list[asyncio.Task[None]] = []
        moving.clear(root / ".boxes", root)
        self.pool = Pool(sandboxes, root, sockets, warm)

    @property
    def live(self) -> int:
        """How many sessions have a kernel."""
        return sum(session.is_live for session in self._sessions.values())

    def start(self) -> None:
        """Begin to prepare kernels and to end idle ones."""
        self.pool.start()
        self._tasks = [
            asyncio.create_task(_again_and_again(min(self._idle / 4, 30), self._tidy)),
            asyncio.create_task(_again_and_again(_MEMORY_SECONDS, self._spare)),
        ]

    async def close(self) -> None:
        """End every kernel. Files stay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        resting = (session.rest("the server stops") for session in self._sessions.values())
        for failure in await asyncio.gather(*resting, return_exceptions=True):
            if isinstance(failure, Exception):
                logger.error("a session did not end as it should", exc_info=failure)
        await self.pool.close()

    def get(self, session_id: str) -> Session:
        """The session of that id, made if it is new. The caller has checked that the id is a plain
        word.
        """
        if session_id not in self._sessions:
            folder = self._root / session_id
            self._sessions[session_id] = Session(
                session_id, folder, self._sandboxes, self.pool, self._places
            )
        session = self._sessions[session_id]
        session.last_used = time.monotonic()
        return session

    def find(self, session_id: str) -> Session | None:
        """The session of that id, or None if there never was one."""
        known = session_id in self._sessions or (self._root / session_id).is_dir()
        return self.get(session_id) if known else None

    async def remove(self, session_id: str) -> None:
        """End a session and remove its files."""
        if (session := self.find(session_id)) is not None:
            await session.remove()
            self._sessions.pop(session_id, None)

    def untouched(self, seconds: float) -> list[str]:
        """The ids of all sessions on disk that no call has used for so long."""
        now = time.time()
        return sorted(
            folder.name
            for folder in self._root.iterdir()
            if not folder.name.startswith(".")
            and folder.is_dir()
            # A call writes session.json anew, which touches the folder.
            and now - folder.stat().st_mtime >= seconds
            and not self._is_in_use(folder.name)
        )

    def _is_in_use(self, session_id: str) -> bool:
        session = self._sessions.get(session_id)
        return session is not None and (session.is_live or session.is_busy)

    async def _make_room(self) -> bool:
        """End a kernel that no call uses: one that is dead anyway, else the one that was used least
        recently. False if there is none.
        """
        return await self._rest_one("another session needed its place")

    async def _rest_one(self, reason: str) -> bool:
        idle = [session for session in self._sessions.values() if session.is_idle]
        if not idle:
            return False
        first = min(idle, key=lambda s: (s.is_live, s.last_used))
        await first.rest(reason if first.is_live else "it has ended")
        return True

    async def _spare(self) -> None:
        """While memory is short, end one kernel a second that no call uses: those that wait first,
        since nobody's variables are in them.
        """
        left = await asyncio.to_thread(memory.available)
        if left >= self.spared * _ENOUGH:
            self.pool.keep_all()
        elif left < self.spared and (
            await self.pool.spare_one() or await self._rest_one("the machine was low on memory")
        ):
            logger.warning("%d MB of memory are left: a kernel was ended", left // MIB)

    async def _tidy(self) -> None:
        """End the kernels of sessions that nobody used for long, and clear away dead ones."""
        for session in list(self._sessions.values()):
            try:
                await self._tidy_one(session)
            except Exception:  # whatever is wrong with its files, the others are tidied too
                logger.exception("session %s: it could not be tidied", session.id)

    async def _tidy_one(self, session: Session) -> None:
        if session.is_busy:
            return
        is_unused = time.monotonic() - session.last_used > self._idle
        if session.is_dead:
            await session.rest("it has ended")
        elif session.is_live and is_unused:
            await session.rest(f"there was no call for {spoken(self._idle)}")
        elif is_unused:
            await session.rest("it has ended")
            self._sessions.pop(session.id, None)


async def _again_and_again(seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    """Do `what` every so many seconds. One failure, such as a file that cannot be read for the
    moment, must not end it for good.
    """
    while True:
        await asyncio.sleep(seconds)
        try:
            await what()
        except Exception:
            logger.exception("%s failed; it is tried again", getattr(what, "__name__", what))

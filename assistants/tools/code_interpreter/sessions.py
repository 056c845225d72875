"""Sessions: a folder that stays, and a kernel that comes and goes.

A session is one thread's use of the tool. Its folder, /mnt/data to the code, outlives its kernels
and the server. On disk, below the root:

    <session>/data          /mnt/data
    <session>/outputs       copies of what calls gave, for a while, to be fetched
    <session>/session.json  what has to be known after a restart; written anew by every call
    .boxes/<kernel>/        folders of one sandbox; its `data` serves until a session takes it

A waiting kernel has its own empty /mnt/data already mounted. When a session takes it, what the
session has is moved in there and that folder becomes the session's, so that a mount in a running
sandbox never has to change.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files, watch
from assistants.tools.code_interpreter.files import State
from assistants.tools.code_interpreter.kernel import Kernel, KernelFailed, KernelGone
from assistants.tools.code_interpreter.limits import MIB
from assistants.tools.code_interpreter.messages import Picture, Raised, Replied, Said, Text
from assistants.tools.code_interpreter.outputs import (
    DATA,
    Ended,
    Image,
    Logs,
    Outcome,
    Output,
    SavedFile,
)
from assistants.tools.code_interpreter.pool import Pool
from assistants.tools.code_interpreter.sandbox import Sandboxes

logger = logging.getLogger(__name__)

_OUTPUTS_KEPT_SECONDS: Final = 15 * 60
_ERROR_ROOM: Final = 10_000  # characters of a traceback that are shown when the logs are full
_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg"}
_CLAIM: Final = "claimed-by"
_INCOMING: Final = "incoming-"
_FRESH: Final = (
    "A new Python session was started: variables and imports of earlier calls are gone, "
    f"files under {DATA} are kept."
)


class NoRoom(Exception):
    """An input does not fit into the session's folder."""


class NoPlace(Exception):
    """All kernels that there may be are in use. The message is for the caller."""


class Places:
    """How many kernels sessions may have, and how many of those are taken.

    A place is taken before its kernel starts and given back after it has ended, so that calls
    which begin at the same moment cannot have more kernels than places.
    """

    def __init__(self, count: int, make_room: Callable[[], Awaitable[bool]], wait: float) -> None:
        """`make_room` ends the kernel of an idle session and tells whether there was one."""
        self._count = count
        self._make_room = make_room
        self._wait = wait
        self._taken = 0

    async def take(self, is_stopped: Callable[[], bool]) -> None:
        """Take a place, after a wait if need be. Raises NoPlace, at once if the call is stopped."""
        until = time.monotonic() + self._wait
        while self._taken >= self._count:
            if is_stopped() or time.monotonic() > until:
                raise NoPlace(
                    f"All {self._count} Python sessions are in use and none became free within "
                    f"{_spoken(self._wait)}. Nothing was run; try again later."
                )
            if not await self._make_room():
                await asyncio.sleep(0.1)
        self._taken += 1  # nothing else has run since the check

    def give_back(self) -> None:
        """The kernel has ended, or never came."""
        self._taken -= 1


@dataclass
class _Record:
    """What is kept of a session beside its files. `inputs` are names by file id."""

    inputs: dict[str, str] = field(default_factory=dict)
    figures: int = 0
    used: bool = False

    @classmethod
    def load(cls, path: Path) -> "_Record":
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()


class Session:
    """One session. Calls run one after another, in the order they were made."""

    def __init__(
        self,
        session_id: str,
        folder: Path,
        sandboxes: Sandboxes,
        pool: Pool,
        places: Places,
    ) -> None:
        """`places` are those of all sessions; a kernel takes one."""
        self.id = session_id
        self.last_used = time.monotonic()
        self.limits = sandboxes.limits
        self._places = places
        self._folder = folder
        self._data = folder / "data"
        self._outputs = folder / "outputs"
        self._sandboxes = sandboxes
        self._pool = pool
        self._turn = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._watching: asyncio.Task[None] | None = None
        self._call: _Call | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._seen: Mapping[str, State] | None = None  # as the last call left them, if known
        self._placed: dict[str, State] = {}  # inputs, as they were put there
        self._why_gone: str | None = None
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711)
        if not self._data.exists():
            self._data.mkdir(mode=0o700)
            sandboxes.give(self._data)
        self._outputs.mkdir(mode=0o700, exist_ok=True)
        for cut_short in folder.glob(f"{_INCOMING}*"):
            cut_short.unlink()
        self._record = _Record.load(folder / "session.json")

    @property
    def is_live(self) -> bool:
        """Whether it has a kernel."""
        return self._kernel is not None and not self._kernel.over

    @property
    def is_dead(self) -> bool:
        """Whether its kernel has ended and not been cleared away."""
        return self._kernel is not None and self._kernel.over

    @property
    def is_idle(self) -> bool:
        """Whether it has a kernel, alive or dead, that no call uses or waits for."""
        return self._kernel is not None and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """Whether a call runs or waits."""
        return self._turn.locked()

    # Inputs

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of `ids` that have to be sent, because the session never had them or its code
        removed them.
        """
        return [
            one
            for one in ids
            if one not in self._record.inputs or not files.exists(self._data, one)
        ]

    async def put_input(self, input_id: str, name: str, content: AsyncIterator[bytes]) -> None:
        """Write an input to /mnt/data/<id>. Raises NoRoom."""
        incoming = self._folder / f"{_INCOMING}{os.urandom(6).hex()}"
        size = 0
        try:
            with incoming.open("xb") as written:
                async for chunk in content:
                    size += len(chunk)
                    if size > self.limits.file_size:
                        raise NoRoom(f"{name} is larger than {self.limits.file_size // MIB} MB.")
                    await asyncio.to_thread(written.write, chunk)
            if size + (await self._list()).usage > self.limits.disk:
                limit = self.limits.disk // MIB
                raise NoRoom(f"With {name} the session's files take more than {limit:,} MB.")
            incoming.chmod(0o644)
            self._sandboxes.give(incoming)
            try:
                files.place(incoming, self._data, input_id)
            except IsADirectoryError:
                raise NoRoom(
                    f"There is a folder named {input_id} where the file should go."
                ) from None
        finally:
            incoming.unlink(missing_ok=True)
        if (state := files.state(self._data, input_id)) is not None:
            self._placed[input_id] = state
        self._record.inputs[input_id] = name
        self._save()

    def _link_names(self, ids: Sequence[str]) -> None:
        """Make the inputs `ids` available under their own names too. Where several share one, the
        last of them, which is the newest, has it.

        The names are links, so that a large file is there once. What the code made itself is left
        alone.
        """
        owners = {files.safe_name(self._record.inputs[one]): one for one in ids}
        for name, owner in owners.items():
            target = files.link_target(self._data, name)
            wanted = owner if name not in self._record.inputs else None
            if target == wanted:
                continue
            if target in self._record.inputs:
                files.remove_name(self._data, name)
            if wanted is not None:
                with contextlib.suppress(FileExistsError):
                    files.make_link(self._data, name, wanted)

    # Calls

    async def execute(
        self, code: str, inputs: Sequence[str], deadline: float
    ) -> AsyncGenerator[Output, None]:
        """Run `code`, stop it `deadline` seconds after its start, and yield what it gives; the last
        is Ended.

        `inputs` are ids that `missing` has let pass. Closing the generator interrupts the code.
        """
        call = _Call(deadline)
        task = asyncio.create_task(self._run(call, code, inputs))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            while (output := await call.outputs.get()) is not None:
                yield output
        finally:
            call.stop("interrupted")  # nothing to stop if it is over

    def interrupt(self) -> None:
        """Stop the call that runs, if one does. Variables stay."""
        if self._call is not None:
            self._call.stop("interrupted")

    async def _run(self, call: "_Call", code: str, inputs: Sequence[str]) -> None:
        try:
            async with self._turn:
                if call.stopped is not None:
                    call.put(Ended(call.stopped))
                    return
                self._pool.busy += 1
                try:
                    await self._run_in_turn(call, code, inputs)
                finally:
                    self._pool.busy -= 1
                    self.last_used = time.monotonic()
        except Exception:
            logger.exception("session %s: a call failed", self.id)
            call.put(Ended("died", "The code interpreter failed. The server's log has the reason."))
        finally:
            call.outputs.put_nowait(None)

    async def _run_in_turn(self, call: "_Call", code: str, inputs: Sequence[str]) -> None:
        notes: list[str] = []
        await self._stop_watching()
        try:
            kernel = await self._live_kernel(call, notes)
        except NoPlace as error:
            call.put(Ended(call.stopped) if call.stopped else Ended("died", str(error)))
            return
        except KernelFailed as error:
            logger.error("session %s: no kernel: %s", self.id, error)
            call.put(Ended("died", "The code interpreter could not start a Python session."))
            return
        self._link_names(inputs)
        self._record.used = True
        self._save()
        self._remove_old_outputs()
        before = (await self._list()).files if self._seen is None else self._seen
        self._call = call
        call.begin(kernel)
        watching = asyncio.create_task(watch.during_call(kernel, self._data))
        showing = _Showing(self, call.put)
        outcome: Outcome
        try:
            async with contextlib.aclosing(kernel.execute(code)) as heard:
                async for said in heard:
                    await showing.show(said, is_stopped=call.stopped is not None)
            outcome = "ok" if showing.ok else (call.stopped or "error")
        except KernelGone:
            outcome = "died"
        finally:
            call.end()
            self._call = None
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        notes += showing.notes
        if outcome == "died":
            notes.append(await self._bury(kernel.end_reason, before))
        elif outcome == "deadline":
            notes.append(
                f"The code was stopped after {call.deadline:g} seconds. Variables are kept."
            )
        await self._give_files(before, call.put, notes)
        if kernel.over:
            await self._drop_kernel("it has ended")
        else:
            self._watching = asyncio.create_task(watch.between_calls(kernel, self._data))
        call.put(Ended(outcome, " ".join(notes) or None))

    async def _live_kernel(self, call: "_Call", notes: list[str]) -> Kernel:
        """The session's kernel, or a fresh one with a note. Raises KernelFailed, NoPlace."""
        if self._kernel is not None and not self._kernel.over:
            return self._kernel
        await self._drop_kernel("it has ended")
        await self._places.take(lambda: call.stopped is not None)
        kernel: Kernel | None = None
        try:
            kernel = await self._pool.take()
            await asyncio.to_thread(self._move_in, kernel)
        except BaseException:
            if kernel is not None:
                await self._pool.discard(kernel, "it could not be given its files")
            self._places.give_back()
            raise
        self._kernel = kernel
        self._seen = None
        if self._record.used:
            why = f" The earlier session ended: {self._why_gone}." if self._why_gone else ""
            notes.append(_FRESH + why)
        self._why_gone = None
        return kernel

    def _move_in(self, kernel: Kernel) -> None:
        """Make the kernel's /mnt/data this session's folder, with all that is in that."""
        box = kernel.folders.data.parent
        (box / _CLAIM).write_text(
            self.id
        )  # if the server ends half-way, the next one finishes this
        finish_move(box, self._folder)
        kernel.folders = dataclasses.replace(kernel.folders, data=self._data)

    async def _bury(self, reason: str | None, before: Mapping[str, State]) -> str:
        """After the kernel died in a call: what to say about it."""
        note = f"The Python session ended: {reason or 'Python crashed'}. Its variables are gone"
        found = await self._list()
        if found.usage > self.limits.disk or found.names > self.limits.files or found.hidden:
            await asyncio.to_thread(self._remove_new, before)
            return f"{note}, and so are the files that this call made."
        return f"{note}; files under {DATA} are kept."

    def _remove_new(self, before: Mapping[str, State]) -> None:
        """Take back all that a call wrote, since it was too much. Its kernel is dead."""
        kept = self._folder / "kept"
        kept.mkdir(mode=0o700)
        self._sandboxes.give(kept)
        now = files.listing(self._data, self.limits.files).files
        for path, state in before.items():
            if now.get(path) != state:
                continue
            target = kept / path
            for folder in reversed(target.relative_to(kept).parents[:-1]):
                (kept / folder).mkdir(mode=0o700, exist_ok=True)
                self._sandboxes.give(kept / folder)
            files.move_beneath(self._data, path, target)
        files.remove_tree(self._data)
        kept.rename(self._data)

    async def _list(self) -> files.Listing:
        return await asyncio.to_thread(files.listing, self._data, self.limits.files)

    async def _give_files(
        self, before: Mapping[str, State], put: Callable[[Output], None], notes: list[str]
    ) -> None:
        """Copy out the files that the call made or changed, oldest first."""
        found = await self._list()
        self._seen = found.files
        changed = [
            path
            for path, state in found.files.items()
            if state not in (before.get(path), self._placed.get(path)) and _is_output(path)
        ]
        changed.sort(key=lambda path: (found.files[path].modified, path))
        room = self.limits.disk  # a file with holes says it is larger than what it takes
        for path in changed[: self.limits.saved_files]:
            output_id = _new_output_id()
            target = self._outputs / output_id
            largest = min(self.limits.file_size, room)
            try:
                size = await asyncio.to_thread(files.copy_out, self._data, path, target, largest)
            except files.TooLarge:
                notes.append(f"{path} was not kept: it is larger than {largest // MIB} MB.")
            except OSError as error:
                logger.info("session %s: %r not kept: %s", self.id, path, error)
                notes.append(f"{path} was not kept: it is no plain file.")
            else:
                room -= size
                put(SavedFile(output_id, f"{DATA}/{self._shown_name(path)}", size))
        if len(changed) > self.limits.saved_files:
            left = len(changed) - self.limits.saved_files
            notes.append(
                f"{left} more files were written; they stay under {DATA} but are not offered."
            )
        if found.unshowable:
            notes.append(
                f"{found.unshowable} files have names that cannot be shown and are not offered."
            )

    def _shown_name(self, path: str) -> str:
        """`path`, or the name of the input that it is the file of."""
        name = files.safe_name(self._record.inputs.get(path, ""))
        return name if files.link_target(self._data, name) == path else path

    def keep_figure(self, picture: Picture) -> Image:
        """Store a figure to be fetched."""
        self._record.figures += 1
        self._save()
        output_id = _new_output_id()
        with (self._outputs / output_id).open("xb") as written:
            written.write(picture.data)
        name = f"plot-{self._record.figures}.{_ENDINGS[picture.mime]}"
        return Image(output_id, name, picture.mime, len(picture.data))

    def output(self, output_id: str) -> Path | None:
        """The file with an output's bytes, or None if there is none (any more)."""
        path = self._outputs / output_id
        return path if path.is_file() else None

    def remove_output(self, output_id: str) -> None:
        """Remove the bytes of an output, if they are there."""
        (self._outputs / output_id).unlink(missing_ok=True)

    def _remove_old_outputs(self) -> None:
        """Those that nobody will fetch any more, and the oldest if all together are too large."""
        kept: list[tuple[float, int, Path]] = []
        for path in self._outputs.iterdir():
            with contextlib.suppress(FileNotFoundError):  # whoever asked for it has just taken it
                state = path.stat()
                kept.append((state.st_mtime, state.st_size, path))
        usage = sum(size for _, size, _ in kept)
        for made, size, path in sorted(kept):
            if time.time() - made > _OUTPUTS_KEPT_SECONDS or usage > self.limits.disk:
                usage -= size
                path.unlink(missing_ok=True)

    # Its end

    async def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    async def _drop_kernel(self, reason: str) -> None:
        await self._stop_watching()
        if self._kernel is not None:
            if self._kernel.over and self._kernel.end_reason is None:
                code = self._kernel.sandbox.exit_code
                logger.warning("session %s: Python ended by itself, exit code %s", self.id, code)
            await self._pool.discard(self._kernel, reason)
            self._why_gone = self._kernel.end_reason or "Python crashed"
            self._kernel = None
            self._places.give_back()

    async def rest(self, reason: str) -> None:
        """Give up the kernel, keep the files. A call that runs dies."""
        if self._kernel is not None and not self._kernel.over:
            self._kernel.kill(reason)
        async with self._turn:
            await self._drop_kernel(reason)
            self._remove_old_outputs()

    async def remove(self) -> None:
        """End it and remove its files."""
        await self.rest("it was closed")
        await asyncio.to_thread(files.remove_tree, self._folder)

    def _save(self) -> None:
        path = self._folder / "session.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(dataclasses.asdict(self._record)))
        draft.replace(path)


class _Call:
    """One call on its way: its outputs, its deadline, whether it was told to stop."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.outputs: asyncio.Queue[Output | None] = asyncio.Queue()
        self.stopped: Outcome | None = None
        self._kernel: Kernel | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    def put(self, output: Output) -> None:
        self.outputs.put_nowait(output)

    def begin(self, kernel: Kernel) -> None:
        """From now on the deadline counts, and there is something to interrupt."""
        self._kernel = kernel
        self._timer = asyncio.get_running_loop().call_later(self.deadline, self.stop, "deadline")
        if self.stopped is not None:
            self._stopping = asyncio.create_task(self._interrupt(kernel))

    def stop(self, why: Outcome) -> None:
        if self.stopped is None:
            self.stopped = why
            if self._kernel is not None:
                self._stopping = asyncio.create_task(self._interrupt(self._kernel))

    async def _interrupt(self, kernel: Kernel) -> None:
        """Ask, ask again (one that arrives before the code has begun is lost), then kill."""
        asked = 3
        for _ in range(asked):
            await kernel.interrupt()
            await asyncio.sleep(kernel.limits.grace / asked)
        kernel.kill("it did not stop when it was interrupted")

    def end(self) -> None:
        self._kernel = None
        if self._timer is not None:
            self._timer.cancel()
        if self._stopping is not None:
            self._stopping.cancel()


class _Showing:
    """Turns what a kernel says in one call into outputs, within the call's limits."""

    def __init__(self, session: Session, put: Callable[[Output], None]) -> None:
        self.ok = False
        self.notes: list[str] = []
        self._session = session
        self.limits = session.limits
        self._put = put
        self._room = self.limits.logs
        self._figures: set[bytes] = set()

    async def show(self, said: Said, *, is_stopped: bool) -> None:
        match said:
            case Text(text):
                self._show_text(text)
            case Raised(kind, traceback):
                if not (is_stopped and kind == "KeyboardInterrupt"):
                    self._show_error(traceback)
            case Picture():
                self._show_figure(said)
            case Replied(ok):
                self.ok = ok

    def _show_text(self, text: str) -> None:
        if self._room <= 0 or not text:
            return
        shown = text[: self._room]
        self._room -= len(shown)
        self._put(Logs(shown))
        if len(shown) < len(text):
            self._room = 0
            self._put(Logs(f"\n[output truncated after {self.limits.logs:,} characters]\n"))

    def _show_error(self, traceback: str) -> None:
        """The end of a traceback says what happened, so it is shown even if there is no room."""
        room = max(self._room, _ERROR_ROOM)
        if len(traceback) > room:
            traceback = f"[beginning of the traceback truncated]\n{traceback[-room:]}"
        self._put(Logs(traceback))

    def _show_figure(self, picture: Picture) -> None:
        digest = hashlib.sha256(picture.data).digest()
        if digest in self._figures:  # a figure that is the last expression too comes twice
            return
        if len(self._figures) >= self.limits.images:
            note = f"Only the first {self.limits.images} figures are shown."
            self.notes = [note]
        elif len(picture.data) > self.limits.image_size:
            self._put(Logs(f"[a figure of {len(picture.data):,} bytes is too large to be shown]\n"))
        else:
            self._figures.add(digest)
            self._put(self._session.keep_figure(picture))


def _new_output_id() -> str:
    return f"out_{os.urandom(12).hex()}"


def _is_output(path: str) -> bool:
    """Whether a new file is of interest: not a cache or a hidden file."""
    return not any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))


def finish_move(box: Path, folder: Path) -> None:
    """Make `data` of a sandbox's box the `data` of a session's folder, what is in the old one
    included.
    """
    old, new = folder / "data", box / "data"
    if new.exists():
        if old.exists():
            files.move_all(old, new)
            files.remove_tree(old)
        new.rename(old)
    (box / _CLAIM).unlink()


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
    ) -> None:
        """`idle` seconds without a call end a session's kernel; there are at most `kernels` of
        them, and a call waits up to `patience` seconds for one.
        """
        self._root = root
        self._sandboxes = sandboxes
        self._idle = idle
        self._places = Places(kernels, self._make_room, patience)
        self._sessions: dict[str, Session] = {}
        self._tidying: asyncio.Task[None] | None = None
        self._recover()
        self.pool = Pool(sandboxes, root, sockets, warm)

    def _recover(self) -> None:
        """Finish what an earlier server was interrupted in, and remove what its sandboxes left."""
        boxes = self._root / ".boxes"
        for box in boxes.iterdir() if boxes.exists() else ():
            claim = box / _CLAIM
            if claim.exists():
                folder = self._root / claim.read_text()
                if folder.exists():
                    finish_move(box, folder)
            files.remove_tree(box)

    @property
    def live(self) -> int:
        """How many sessions have a kernel."""
        return sum(session.is_live for session in self._sessions.values())

    def start(self) -> None:
        """Begin to prepare kernels and to end idle ones."""
        self.pool.start()
        self._tidying = asyncio.create_task(self._tidy())

    async def close(self) -> None:
        """End every kernel. Files stay."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        await asyncio.gather(*(s.rest("the server stops") for s in self._sessions.values()))
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
        idle = [session for session in self._sessions.values() if session.is_idle]
        if not idle:
            return False
        first = min(idle, key=lambda s: (s.is_live, s.last_used))
        await first.rest("another session needed its place" if first.is_live else "it has ended")
        return True

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(min(self._idle / 4, 30))
            for session in list(self._sessions.values()):
                if session.is_busy:
                    continue
                if session.is_dead:
                    await session.rest("it has ended")
                elif session.is_live and time.monotonic() - session.last_used > self._idle:
                    await session.rest(f"there was no call for {_spoken(self._idle)}")
                elif time.monotonic() - session.last_used > self._idle:
                    await session.rest("it has ended")
                    self._sessions.pop(session.id, None)


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"

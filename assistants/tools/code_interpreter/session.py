"""One session: a folder that stays, and a kernel that comes and goes.

A session is one thread's use of the tool. Its folder, /mnt/data to the code, outlives its kernels
and the server. On disk, below the root of all sessions:

    <session>/data          /mnt/data
    <session>/outputs       copies of what calls gave, see kept_outputs.py
    <session>/session.json  what has to be known after a restart; written anew by every call
"""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files, watch
from assistants.tools.code_interpreter.call import Call
from assistants.tools.code_interpreter.files import State
from assistants.tools.code_interpreter.kept_outputs import KeptOutputs
from assistants.tools.code_interpreter.kernel import Kernel, KernelFailed, KernelGone
from assistants.tools.code_interpreter.limits import MIB
from assistants.tools.code_interpreter.messages import Picture
from assistants.tools.code_interpreter.moving import move_in
from assistants.tools.code_interpreter.outputs import DATA, Ended, Image, Outcome, Output, SavedFile
from assistants.tools.code_interpreter.places import NoPlace, Places
from assistants.tools.code_interpreter.pool import Pool
from assistants.tools.code_interpreter.refused import Refused
from assistants.tools.code_interpreter.sandbox import Sandboxes
from assistants.tools.code_interpreter.showing import Showing

logger = logging.getLogger(__name__)

_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg"}
_INCOMING: Final = "incoming-"
_SLACK: Final = 10  # the part of a limit by which a folder that is beyond it may grow
_FRESH: Final = (
    "A new Python session was started: variables and imports of earlier calls are gone, "
    f"files under {DATA} are kept."
)


class NoRoom(Exception):
    """An input does not fit into the session's folder."""


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
        self._sandboxes = sandboxes
        self._pool = pool
        self._turn = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._watching: asyncio.Task[None] | None = None
        self._call: Call | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._seen: Mapping[str, State] | None = None  # as the last call left them, if known
        self._placed: dict[str, State] = {}  # inputs, as they were put there
        self._why_gone: str | None = None
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711)
        if not self._data.exists():
            self._data.mkdir(mode=0o700)
            sandboxes.give(self._data)
        self.outputs = KeptOutputs(folder / "outputs", self.limits.disk)
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
        call = Call(deadline)
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

    async def _run(self, call: Call, code: str, inputs: Sequence[str]) -> None:
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

    async def _run_in_turn(self, call: Call, code: str, inputs: Sequence[str]) -> None:
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
        self.outputs.remove_old()
        if self._seen is None:
            self._allow(kernel, found := await self._list())
            before: Mapping[str, State] = found.files
        else:
            before = self._seen
        self._call = call
        call.begin(kernel)
        watching = asyncio.create_task(watch.during_call(kernel, self._data))
        showing = Showing(self.limits, self._keep_figure, call.put)
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
        left = await watch.after_call(kernel, self._data)
        if outcome == "died" or kernel.end_reason is not None:
            outcome = "died"
            await kernel.running.wait()
            reason = watch.why_it_ended(kernel) or "Python crashed"
            note = f"The Python session ended: {reason}. Its variables are gone"
            is_taken_back = await self._take_back(kernel, before)
            left = await self._list()
            if is_taken_back:
                notes.append(f"{note}, and so are the files that this call made or changed.")
            else:
                notes.append(f"{note}; files under {DATA} are kept.")
        elif outcome == "deadline":
            notes.append(
                f"The code was stopped after {call.deadline:g} seconds. Variables are kept."
            )
        self._seen = left.files
        await self._give_files(before, left, call.put, notes)
        if kernel.over:
            await self._drop_kernel("it has ended")
        else:
            self._watching = asyncio.create_task(watch.between_calls(kernel, self._data))
        call.put(Ended(outcome, " ".join(notes) or None))

    async def _live_kernel(self, call: Call, notes: list[str]) -> Kernel:
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
            try:
                if kernel is not None:
                    await self._pool.discard(kernel, "it could not be given its files")
            finally:
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
        move_in(kernel.folders.data.parent, self._folder)
        kernel.folders = dataclasses.replace(kernel.folders, data=self._data)

    def _allow(self, kernel: Kernel, found: files.Listing) -> None:
        """Set what may be there while this kernel runs. A folder that has too much in it already,
        since the server was killed in the wrong moment, may hardly grow (/tmp counts too), but code
        has to be able to clear it.
        """
        limits = self.limits
        more_disk = found.usage + limits.disk // _SLACK if found.usage > limits.disk else 0
        more_files = found.names + limits.files // _SLACK if found.names > limits.files else 0
        kernel.limits = dataclasses.replace(
            limits, disk=max(limits.disk, more_disk), files=max(limits.files, more_files)
        )

    async def _take_back(self, kernel: Kernel, before: Mapping[str, State]) -> bool:
        """Once the kernel has ended: remove what is new since `before`, if the folder has more than
        it may have. Whether that was so.
        """
        found = await self._list()
        limits = kernel.limits
        if found.usage <= limits.disk and found.names <= limits.files and not found.hidden:
            return False
        await asyncio.to_thread(self._remove_new, before, found.files)
        return True

    def _remove_new(self, before: Mapping[str, State], now: Mapping[str, State]) -> None:
        """Leave what is as it was `before`. Inputs that were sent since then stay as well."""
        earlier = {**self._placed, **before}
        kept = {path for path, state in now.items() if earlier.get(path) == state}
        files.remove_others(self._data, kept)

    async def _list(self) -> files.Listing:
        """All of the folder: a look that gave up early would miss what earlier calls have left."""
        return await asyncio.to_thread(files.listing, self._data, sys.maxsize)

    async def _give_files(
        self,
        before: Mapping[str, State],
        left: files.Listing,
        put: Callable[[Output], None],
        notes: list[str],
    ) -> None:
        """Copy out the files that the call made or changed, oldest first, and say which of them are
        not offered.
        """
        refused = Refused()
        changed = [
            path
            for path, state in left.files.items()
            if state not in (before.get(path), self._placed.get(path))
            and _is_output(path)
            and not self._is_link_to_input(path, state)
            and not refused.refuse(path, state)
        ]
        changed.sort(key=lambda path: (left.files[path].modified, path))
        room = self.limits.disk  # a file with holes says it is larger than what it takes
        for path in changed[: self.limits.saved_files]:
            largest = min(self.limits.file_size, room)
            try:
                output_id, size = await asyncio.to_thread(
                    self.outputs.copy, self._data, path, largest
                )
            except files.TooLarge:
                notes.append(f"{path} was not kept: it is larger than {largest // MIB} MB.")
            except OSError as error:
                logger.info("session %s: %r not kept: %s", self.id, path, error)
                refused.failed(path, error)
            else:
                room -= size
                put(SavedFile(output_id, f"{DATA}/{self._shown_name(path)}", size))
        if len(changed) > self.limits.saved_files:
            more = len(changed) - self.limits.saved_files
            notes.append(
                f"{more} more files were written; they stay under {DATA} but are not offered."
            )
        notes += refused.notes()

    def _is_link_to_input(self, path: str, state: State) -> bool:
        """Whether it is one of the names that `_link_names` makes."""
        return (
            state.kind == "link"
            and "/" not in path
            and files.link_target(self._data, path) in self._record.inputs
        )

    def _shown_name(self, path: str) -> str:
        """`path`, or the name of the input that it is the file of."""
        name = files.safe_name(self._record.inputs.get(path, ""))
        return name if files.link_target(self._data, name) == path else path

    def _keep_figure(self, picture: Picture) -> Image:
        """Store a figure to be fetched."""
        self._record.figures += 1
        self._save()
        output_id = self.outputs.keep(picture.data)
        name = f"plot-{self._record.figures}.{_ENDINGS[picture.mime]}"
        return Image(output_id, name, picture.mime, len(picture.data))

    # Its end

    async def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    async def _drop_kernel(self, reason: str) -> None:
        await self._stop_watching()
        if (kernel := self._kernel) is None:
            return
        if kernel.over and kernel.end_reason is None:
            code = kernel.running.exit_code
            logger.warning("session %s: Python ended by itself, exit code %s", self.id, code)
        try:
            await self._pool.discard(kernel, reason)
            self._why_gone = watch.why_it_ended(kernel) or "Python crashed"
            if self._seen is not None and await self._take_back(kernel, self._seen):
                self._why_gone += "; the files that it made after its last call were removed"
        finally:  # a disk that fails must not cost a place
            self._kernel = None
            self._places.give_back()

    async def rest(self, reason: str) -> None:
        """Give up the kernel, keep the files. A call that runs dies."""
        if self._kernel is not None and not self._kernel.over:
            self._kernel.kill(reason)
        async with self._turn:
            await self._drop_kernel(reason)
            self.outputs.remove_old()

    async def remove(self) -> None:
        """End it and remove its files."""
        await self.rest("it was closed")
        await asyncio.to_thread(files.remove_tree, self._folder)

    def _save(self) -> None:
        path = self._folder / "session.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(dataclasses.asdict(self._record)))
        draft.replace(path)


def _is_output(path: str) -> bool:
    """Whether a new file is of interest: not a cache or a hidden file."""
    return not any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))

"""One session: a folder that stays, and a kernel that comes and goes.

A session is one thread's use of the tool. Its folder, /mnt/data to the code, outlives its kernels
and the server, see session_folder.py.
"""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import watch
from assistants.tools.code_interpreter.call import Call
from assistants.tools.code_interpreter.files import State
from assistants.tools.code_interpreter.kernel import Kernel, KernelFailed, KernelGone
from assistants.tools.code_interpreter.moving import move_in
from assistants.tools.code_interpreter.outputs import DATA, Outcome, Output
from assistants.tools.code_interpreter.places import NoPlace, Places
from assistants.tools.code_interpreter.pool import Pool
from assistants.tools.code_interpreter.sandboxes import Sandboxes
from assistants.tools.code_interpreter.saved_files import save_changed
from assistants.tools.code_interpreter.session_folder import SessionFolder
from assistants.tools.code_interpreter.showing import Showing

logger = logging.getLogger(__name__)

_FRESH: Final = (
    "A new Python session was started: variables and imports of earlier calls are gone, "
    f"files under {DATA} are kept."
)


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
        self.folder = SessionFolder(folder, sandboxes)
        self._places = places
        self._pool = pool
        self._turn = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._watching: asyncio.Task[None] | None = None
        self._call: Call | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._seen: Mapping[str, State] | None = None  # as the last call left them, if known
        self._why_gone: str | None = None

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
                    call.finish(call.stopped)
                    return
                self._pool.busy += 1
                try:
                    await self._run_in_turn(call, code, inputs)
                finally:
                    self._pool.busy -= 1
                    self.last_used = time.monotonic()
        except Exception:
            logger.exception("session %s: a call failed", self.id)
            call.notes = ["The code interpreter failed. The server's log has the reason."]
            call.finish("died")
        finally:
            call.outputs.put_nowait(None)

    async def _run_in_turn(self, call: Call, code: str, inputs: Sequence[str]) -> None:
        await self._stop_watching()
        try:
            kernel = await self._live_kernel(call)
        except NoPlace as error:
            if call.stopped is None:
                call.notes.append(str(error))
            call.finish(call.stopped or "died")
            return
        except KernelFailed as error:
            logger.error("session %s: no kernel: %s", self.id, error)
            call.notes.append("The code interpreter could not start a Python session.")
            call.finish("died")
            return
        self.folder.link_names(inputs)
        self.folder.note_use()
        self.folder.outputs.remove_old()
        before = await self._look(kernel)
        outcome = await self._hear(kernel, call, code)
        left = (await watch.after_call(kernel, self.folder.data)).files
        if outcome == "died" or kernel.end_reason is not None:  # it may have left too much
            outcome = "died"
            call.notes.append(await self._clear_up(kernel, before))
            left = (await self.folder.listing()).files
        elif outcome == "deadline":
            call.notes.append(
                f"The code was stopped after {call.deadline:g} seconds. Variables are kept."
            )
        self._seen = left
        call.notes += await save_changed(self.folder, before, left, call.put)
        if kernel.over:
            await self._drop_kernel("it has ended")
        else:
            self._watching = asyncio.create_task(watch.between_calls(kernel, self.folder.data))
        call.finish(outcome)

    async def _live_kernel(self, call: Call) -> Kernel:
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
        if self.folder.is_used:
            why = f" The earlier session ended: {self._why_gone}." if self._why_gone else ""
            call.notes.append(_FRESH + why)
        self._why_gone = None
        return kernel

    def _move_in(self, kernel: Kernel) -> None:
        """Make the kernel's /mnt/data this session's folder, with all that is in that."""
        move_in(kernel.folders.data.parent, self.folder.path)
        kernel.folders = dataclasses.replace(kernel.folders, data=self.folder.data)

    async def _look(self, kernel: Kernel) -> Mapping[str, State]:
        """The files that are there before a call; for the first one of a kernel, also what it may
        add to them.
        """
        if self._seen is not None:
            return self._seen
        found = await self.folder.listing()
        kernel.limits = self.folder.allowed(found)
        return found.files

    async def _hear(self, kernel: Kernel, call: Call, code: str) -> Outcome:
        """Run the code and pass on what the kernel says, until it is done or gone."""
        self._call = call
        call.begin(kernel)
        watching = asyncio.create_task(watch.during_call(kernel, self.folder.data))
        showing = Showing(self.folder.limits, self.folder.keep_figure, call.put)
        try:
            async with contextlib.aclosing(kernel.execute(code)) as heard:
                async for said in heard:
                    await showing.show(said, is_stopped=call.stopped is not None)
        except KernelGone:
            return "died"
        finally:
            call.end()
            call.notes += showing.notes
            self._call = None
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return "ok" if showing.ok else (call.stopped or "error")

    async def _clear_up(self, kernel: Kernel, before: Mapping[str, State]) -> str:
        """After the kernel's end in a call: take back too much of what that made. What there is to
        be told.
        """
        await kernel.running.wait()
        reason = watch.why_it_ended(kernel) or "Python crashed"
        note = f"The Python session ended: {reason}. Its variables are gone"
        if await self.folder.take_back(before, kernel.limits):
            return f"{note}, and so are the files that this call made or changed."
        return f"{note}; files under {DATA} are kept."

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
            if self._seen is not None and await self.folder.take_back(self._seen, kernel.limits):
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
            self.folder.outputs.remove_old()

    async def remove(self) -> None:
        """End it and remove its files."""
        await self.rest("it was closed")
        await self.folder.remove()

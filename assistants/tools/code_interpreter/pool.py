"""Kernels that wait for a session: already in their sandbox, with what most code imports.

A cold kernel takes half a second, and two with numpy, pandas and matplotlib; a waiting one a few
milliseconds. New ones are made in the background, when no call needs the processors.
"""

import asyncio
import contextlib
import errno
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.kernel import Kernel, KernelFailed, KernelGone
from assistants.tools.code_interpreter.limits import MIB
from assistants.tools.code_interpreter.messages import Replied
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes
from assistants.tools.code_interpreter.watch import lower_priority

logger = logging.getLogger(__name__)

_WARM_UP: Final = "exec(open('/opt/kernel/warm.py').read(), {'__name__': 'warm'})"
_WARM_UP_SECONDS: Final = 60.0
# How long a new kernel waits for a moment without calls. A busy server needs them too.
_PATIENCE_SECONDS: Final = 5.0
_PAUSE_AFTER_FAILURE: Final = 30.0
_LARGEST_FONT_LIST: Final = 4 * MIB
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class Pool:
    """Makes every kernel of the server. `take()` gives one that nobody has used."""

    def __init__(self, sandboxes: Sandboxes, root: Path, sockets: Path, size: int) -> None:
        """`root` holds the folders of all sandboxes, `sockets` is a folder for a moment's Unix
        sockets.
        """
        self.busy = 0  # calls that run now
        self.has_started = False  # whether any kernel has, so far
        self._root = root
        self._failed: tuple[float, str] | None = None  # when the last one did not start, and why
        self._sandboxes = sandboxes
        self._boxes = root / ".boxes"
        self._fonts = root / ".fonts"
        self._sockets = sockets
        self._size = size
        self._wanted = size  # fewer while memory is short
        self._warm: list[Kernel] = []
        self._taken = asyncio.Event()
        self._refilling: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._noticing: set[asyncio.Task[None]] = set()
        for folder, mode in ((self._boxes, 0o711), (self._fonts, 0o700)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        for fonts in self._fonts.iterdir():
            # The tool box may have another font by now.
            if fonts.stat().st_mtime < sandboxes.python.installed_at:
                fonts.unlink()

    @property
    def warm(self) -> int:
        """How many kernels wait."""
        return sum(not kernel.over for kernel in self._warm)

    @property
    def trouble(self) -> str | None:
        """Why the kernel that was tried last did not start, and what to do; None if it did."""
        if self._failed is None:
            return None
        at, why = self._failed
        return f"No Python session can be started (tried {time.monotonic() - at:.0f} s ago): {why}"

    def start(self) -> None:
        """Begin to fill, in the background."""
        self._refilling = asyncio.create_task(self._refill())

    async def close(self) -> None:
        """End every kernel that waits."""
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.gather(self._refilling, return_exceptions=True)
        for task in self._noticing:
            task.cancel()
        await asyncio.gather(*(self.discard(kernel, "the server stops") for kernel in self._warm))
        await asyncio.gather(*self._ending)

    async def take(self) -> Kernel:
        """A kernel that has run no one's code, at once if one waits. Raises KernelFailed."""
        while self._warm:
            kernel = self._warm.pop(0)
            self._taken.set()
            if not kernel.over:
                return kernel
            self._discard_later(kernel)
        with self._trial():
            return await self._make()

    async def spare_one(self) -> bool:
        """Keep one kernel less ready, and end one that is too many. False if none waits."""
        self._wanted = max(min(self._wanted, self.warm) - 1, 0)
        if not self._warm:
            return False
        await self.discard(self._warm.pop(0), "memory is short")
        return True

    def keep_all(self) -> None:
        """Memory is there again: keep as many kernels ready as were asked for."""
        if self._wanted < self._size:
            self._wanted = self._size
            self._taken.set()

    async def discard(self, kernel: Kernel, reason: str) -> None:
        """End a kernel and remove its folders, but not the one that became a session's."""
        await kernel.end(reason)
        box = self._boxes / kernel.id
        if box.exists():
            await asyncio.to_thread(files.remove_tree, box)

    def _discard_later(self, kernel: Kernel) -> None:
        task = asyncio.create_task(self.discard(kernel, "it ended while it waited"))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    @contextlib.contextmanager
    def _trial(self) -> Iterator[None]:
        """Note how the start of a kernel went; calls and the background try alike."""
        try:
            yield
        except (KernelFailed, KernelGone, TimeoutError, OSError) as error:
            self._failed = time.monotonic(), self._in_words(error)
            raise
        self._failed = None
        self.has_started = True

    def _in_words(self, error: BaseException) -> str:
        """What went wrong, and the cure."""
        for one in (error, error.__cause__):
            if isinstance(one, OSError) and one.errno in _FULL:
                return f"the disk of {self._root} is full. Make room there."
        if isinstance(error, TimeoutError):
            why = f"it was not ready within {_WARM_UP_SECONDS:g} s"
        elif isinstance(error, KernelGone):
            why = "it ended at once"
        else:
            why = " ".join(str(error).split())[:300]
        return f"{why}. `python manage.py sandbox check` tries what it needs."

    async def _make(self) -> Kernel:
        kernel_id = os.urandom(6).hex()
        box = self._boxes / kernel_id
        folders = self._sandboxes.make_folders(box)
        self._lend_fonts(folders)
        try:
            kernel = await Kernel.start(kernel_id, self._sandboxes, folders, self._sockets)
        except BaseException:
            await asyncio.to_thread(files.remove_tree, box)
            raise
        lower_priority(kernel.running.processes())
        return kernel

    async def _refill(self) -> None:
        while True:
            self._taken.clear()
            if self.warm >= self._wanted:
                await self._taken.wait()
                await self._quiet_moment()
                continue
            try:
                with self._trial():
                    self._warm.append(await self._make_warm())
                self._notice_end(self._warm[-1])
            except (KernelFailed, KernelGone, TimeoutError, OSError) as error:
                logger.error("no kernel could be prepared: %r", error)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    async def _make_warm(self) -> Kernel:
        kernel = await self._make()
        try:
            async with asyncio.timeout(_WARM_UP_SECONDS):
                await self._warm_up(kernel)
        except BaseException:
            await self.discard(kernel, "it could not be prepared")
            raise
        return kernel

    def _notice_end(self, kernel: Kernel) -> None:
        """Have a kernel that ends while it waits replaced."""

        async def notice() -> None:
            await kernel.running.wait()
            if kernel in self._warm:
                self._warm.remove(kernel)
                self._discard_later(kernel)
                self._taken.set()

        task = asyncio.create_task(notice())
        self._noticing.add(task)
        task.add_done_callback(self._noticing.discard)

    async def _quiet_moment(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        await asyncio.sleep(0.05)  # the call that took a kernel begins only now
        while self.busy and time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def _warm_up(self, kernel: Kernel) -> None:
        """Load the libraries. Raises KernelFailed, KernelGone."""
        ready = False
        async with contextlib.aclosing(kernel.execute(_WARM_UP, silent=True)) as heard:
            async for said in heard:
                ready = ready or said == Replied(ok=True)
        if not ready:
            raise KernelFailed("its libraries cannot be imported")
        self._keep_fonts(kernel.folders)

    def _lend_fonts(self, folders: Folders) -> None:
        """Give a new sandbox matplotlib's list of fonts, which takes a second to make."""
        folder = folders.tmp / ".matplotlib"
        folder.mkdir(mode=0o700)
        self._sandboxes.give(folder)
        for fonts in self._fonts.iterdir():
            shutil.copyfile(fonts, folder / fonts.name)
            self._sandboxes.give(folder / fonts.name)

    def _keep_fonts(self, folders: Folders) -> None:
        """Keep the list that the first kernel made; no stranger's code has run in it."""
        for fonts in (folders.tmp / ".matplotlib").glob("fontlist-*.json"):
            kept = self._fonts / fonts.name
            if not kept.exists():
                files.copy_out(folders.tmp, f".matplotlib/{fonts.name}", kept, _LARGEST_FONT_LIST)

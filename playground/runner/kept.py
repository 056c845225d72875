"""One process of the Procfile: started, its lines shown, started again when it ends by itself.

Each is the leader of a process group of its own: Ctrl+C in the terminal reaches only the runner,
which then stops them in the right order, and a stop reaches whatever a process has started. Should
the runner itself be killed, the kernel tells them to stop (Linux).

Who stops a whole service (systemd does) may tell every process at once, so that one ends before the
runner knows why. So an end that nobody asked for is believed only after a moment.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from honcho.printer import Message, Printer

from playground.runner.news import say, show
from playground.runner.places import CannotStart

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)
# Seconds before the next try; one that ran for the last of these begins again with the first.
PAUSES = (1, 2, 5, 10, 30)
# How much later than a process the runner may hear of a stop that was meant for all of them.
STOP_ARRIVES_SECONDS = 0.3
# A stop that takes longer than this is explained.
NEWS_SECONDS = 2.5


class Kept:
    """A command that should be running.

    :param stopping_seconds: how long it may take to end when it is asked to, before it is killed
    :param stop_signals: how it is asked to
    :param lent: descriptors that it and its children keep open as long as they run
    """

    def __init__(
        self,
        name: str,
        command: str,
        environment: Mapping[str, str],
        printer: Printer,
        colour: str,
        stopping_seconds: float,
        stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,),
        lent: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.printer = printer
        self.colour = colour
        self.stopping_seconds = stopping_seconds
        self.stop_signals = stop_signals
        self.lent = lent
        self.ended = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._may_end = asyncio.Event()
        self._is_asked_to_end = False

    async def keep(self, is_up: Callable[[], bool]) -> None:
        """Run the command until ``stop``.

        :raises CannotStart: it ended by itself before everything was up, so trying again is no use
        """
        failures = 0
        try:
            while not self._may_end.is_set():
                started = asyncio.get_running_loop().time()
                code = await self._run()
                ran_for = asyncio.get_running_loop().time() - started
                if await self._may_end_within(STOP_ARRIVES_SECONDS):
                    break
                if not is_up():
                    raise CannotStart(f"{self.name} {ending(code)}; its lines above say why.")
                if ran_for >= PAUSES[-1]:
                    failures = 0
                pause = PAUSES[min(failures, len(PAUSES) - 1)]
                failures += 1
                told = f"{self.name} {ending(code)}; it is started again in {pause} s."
                say(told, "warning")
                await self._may_end_within(pause)
        finally:
            self.ended.set()

    def let_end(self) -> None:
        """From now on it may end by itself: that is not told, and it is not started again."""
        self._may_end.set()

    async def stop(self) -> None:
        """Ask the process to end, and kill its group when it does not."""
        self.let_end()
        self._is_asked_to_end = True
        self._ask_to_end()
        patience = asyncio.get_running_loop().call_later(
            NEWS_SECONDS, say, f"Waiting for {self.name}; Ctrl+C stops it at once."
        )
        try:
            await asyncio.wait_for(self.ended.wait(), self.stopping_seconds)
        except TimeoutError:
            say(f"{self.name} does not end, so it is killed.", "warning")
            self.kill()
            await self.ended.wait()
        finally:
            patience.cancel()

    def _ask_to_end(self) -> None:
        """Ask the process alone: it ends in order what it has started, as the interpreter does."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                for number in self.stop_signals:
                    os.kill(self._process.pid, number)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def kill(self) -> None:
        """End the process, and whatever it has started, at once."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _run(self) -> int:
        """One life of the process; its exit code, negative for a signal."""
        self._process = process = await asyncio.create_subprocess_shell(
            self.command,
            env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, self.stop_signals[-1]),
            pass_fds=self.lent,
            limit=1024 * 1024,
        )
        assert process.stdout  # noqa: S101 - it is a pipe, see above
        if self._is_asked_to_end:
            self._ask_to_end()
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # a line over the limit was dropped
            if not line:
                break
            if not line.strip():
                continue
            message = Message("line", line, datetime.now(), self.name, self.colour)  # noqa: DTZ005
            show(self.printer, message)
        code = await process.wait()
        self.kill()
        return code

    async def _may_end_within(self, seconds: float) -> bool:
        """Wait so long, or until it may end; whether it may."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._may_end.wait(), seconds)
        return self._may_end.is_set()


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """In a new process: have the kernel send a signal when the one above it is gone (Linux)."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, number)

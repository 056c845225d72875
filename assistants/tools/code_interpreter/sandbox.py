"""One sandbox: its start, and the hold on the processes inside."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter.cgroup import Cgroup

_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 2.0


async def launch(
    bubblewrap: Sequence[str],
    program: Sequence[str],
    configuration: bytes,
    *,
    call_filter: bytes,
    uid: int | None,
    group: Cgroup | None,
    pass_fds: Sequence[int],
    stdout: int,
) -> "Sandbox":
    """Run `program` inside, with `configuration` as its input, by bubblewrap with its options.

    `call_filter` is for system calls; `uid` whose processes they are, those of the server's own
    user if None. `group`, if any, is the caller's to remove if there is no sandbox.
    Raises OSError if it did not start.
    """
    status_read, status_write = os.pipe()
    reports, transport = await _reader(status_read)
    filter_read, filter_write = os.pipe()
    go_read, go_write = os.pipe()
    try:
        with os.fdopen(filter_write, "wb") as written:
            written.write(call_filter)  # smaller than a pipe
        options = (
            *("--seccomp", str(filter_read)),
            *("--json-status-fd", str(status_write)),
            *("--block-fd", str(go_read)),
        )
        process = await _whole(
            asyncio.create_subprocess_exec(
                *bubblewrap,
                *options,
                "--",
                *program,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                pass_fds=(status_write, filter_read, go_read, *pass_fds),
                umask=0o077,
                user=uid,
                group=uid,
                extra_groups=None if uid is None else [],
            )
        )
    except BaseException:
        transport.close()
        os.close(go_write)
        raise
    finally:
        os.close(filter_read)
        os.close(status_write)
        os.close(go_read)
    if process.stdin is not None:
        process.stdin.write(configuration)  # and not as an argument, which everybody could read
        process.stdin.close()
    try:
        async with asyncio.timeout(_START_SECONDS):
            first = await _child_pid(reports)
        if group is not None:
            group.take_in(first)  # nothing of the sandbox runs yet
        os.write(go_write, b"1")
        return Sandbox(process, transport, first, group)
    except BaseException as error:
        transport.close()
        await _end(process)  # before `go_write` is closed, which would let it go on
        said = await _read(process.stderr)
        await process.wait()
        if isinstance(error, OSError | TimeoutError):
            raise OSError(f"bubblewrap: {said or error}") from error
        raise
    finally:
        os.close(go_write)


async def _whole(
    starting: Coroutine[object, object, asyncio.subprocess.Process],
) -> asyncio.subprocess.Process:
    """The process that is being started. Whoever gives up meanwhile has it ended first."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # it did not start, so nothing is left of it
            await _end(await task)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a bubblewrap that waits for the go, and its child, which is told only after that to die
    with its parent.
    """
    here = Path(f"/proc/{process.pid}")
    try:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP)  # so that it has no child that we have not seen
            await _stopped(here)
    finally:
        with contextlib.suppress(OSError):
            for child in here.joinpath(f"task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _stopped(process: Path) -> None:
    """Until a process in /proc is stopped or ended. Not for ever: one that a debugger holds, or a
    disk, never is, and it is killed all the same.
    """
    until = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(OSError):
        while process.joinpath("stat").read_text().rpartition(")")[2].split()[0] not in "TZ":
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.001)


async def _read(stream: asyncio.StreamReader | None) -> str:
    """The first few lines of what an ended program wrote."""
    said = await stream.read(4096) if stream is not None else b""
    return said.decode(errors="replace").strip()


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    """A stream of what comes through a pipe; the transport closes `descriptor`."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    return reader, transport


async def _child_pid(reports: asyncio.StreamReader) -> int:
    """The process that bubblewrap reports as its child: number 1 inside. Raises OSError."""
    while line := await reports.readline():
        said = json.loads(line)
        if "child-pid" in said:
            return int(said["child-pid"])
    raise OSError("it ended before the sandbox stood")


class Sandbox:
    """A running sandbox. `first` is the host's number of its process 1, whose end takes all others
    with it.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reports: asyncio.BaseTransport,
        first: int,
        group: Cgroup | None,
    ) -> None:
        """`reports` is bubblewrap's status pipe: it writes its last word there when it ends, so the
        pipe stays open. `group` has all processes but bubblewrap itself, and goes with them.

        Raises OSError if the sandbox has ended already.
        """
        self._process = process
        self.first = first
        self.group = group
        self.ran_out_of_memory = False  # whether the kernel ended it for that
        self._reports = reports
        self._pidfd = os.pidfd_open(first)
        self._over = asyncio.ensure_future(process.wait())
        self._over.add_done_callback(self._let_go)

    def _let_go(self, _: "asyncio.Future[int]") -> None:
        os.close(self._pidfd)
        self._reports.close()
        if self.group is not None:
            self.ran_out_of_memory = self.group.ran_out_of_memory
            self.group.remove()

    @property
    def over(self) -> bool:
        """Whether everything inside has ended."""
        return self._over.done()

    @property
    def exit_code(self) -> int | None:
        """Of bubblewrap, which passes on that of the first program; None while it runs."""
        return self._process.returncode

    async def first_line(self) -> bytes:
        """What the first program wrote to its standard output, up to the end of a line."""
        return await self._process.stdout.readline() if self._process.stdout else b""

    async def errors(self) -> str:
        """What the first program wrote to its standard error. Waits until it has closed that."""
        return await _read(self._process.stderr)

    async def wait(self) -> None:
        """Until everything inside has ended."""
        await asyncio.shield(self._over)

    def kill(self) -> None:
        """End every process inside, at once. A signal to bubblewrap itself would not reach them."""
        if not self.over:
            if self.group is not None:
                self.group.kill()
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def processes(self) -> list[int]:
        """The host's numbers of the processes inside, the first one included."""
        found = [self.first]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found

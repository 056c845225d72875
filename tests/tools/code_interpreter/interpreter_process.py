"""A real interpreter process for tests, and what one call of it gave."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from assistants.tools.code_interpreter.client import (
    Ended,
    Health,
    Image,
    InputFile,
    Interpreter,
    Logs,
    Output,
    SavedFile,
)

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".sandbox-venv" / "bin" / "python"
START_SECONDS = 30.0


class InterpreterProcess:
    """The server as `make run` starts it, in folders of its own."""

    def __init__(self, *arguments: str, python: Path = PYTHON, within: Sequence[str] = ()) -> None:
        """`within` is a command that runs another one, such as in a network namespace."""
        self.folder = Path(tempfile.mkdtemp(prefix="ci-"))  # its socket's path has to be short
        self.folder.chmod(0o711)
        self.sessions = self.folder / "sessions"
        self.socket = str(self.folder / "s")
        self._arguments = arguments
        self._python = python
        self._within = within
        self.start()

    def start(self) -> None:
        self.log = (self.folder / "log").open("ab")
        module = "assistants.tools.code_interpreter.server"
        places = ("--socket", self.socket, "--sessions", self.sessions, "--python", self._python)
        self.process = subprocess.Popen(
            [*self._within, sys.executable, "-m", module, *places, *self._arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stderr=self.log,
        )

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start anew after `kill`."""
        Path(self.socket).unlink()
        self.start()

    def stop(self) -> int:
        """End it as `make run` does; its exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=10)
        self.log.close()
        return code

    def remove(self) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    @property
    def is_listening(self) -> bool:
        return Path(self.socket).exists()

    def memory(self, kind: str) -> int:
        """Of the server's process in KiB: VmRSS now, VmHWM at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith(f"{kind}:"))

    async def answers(self, client: Interpreter) -> Health:
        """Its health, as soon as it listens and answers, which on a busy machine takes a while."""
        deadline = time.monotonic() + START_SECONDS
        while not (self.is_listening and (health := await client.health()).walls):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            await asyncio.sleep(0.02)
        return health

    async def is_warm(self, client: Interpreter, kernels: int) -> None:
        """Until `kernels` of them wait for a session."""
        deadline = time.monotonic() + START_SECONDS
        while (await self.answers(client)).warm < kernels:
            assert time.monotonic() < deadline, self.said()
            await asyncio.sleep(0.02)


@dataclass
class Gave:
    """What one call gave."""

    outputs: list[Output] = field(default_factory=list)

    @property
    def logs(self) -> str:
        return "".join(output.text for output in self.outputs if isinstance(output, Logs))

    @property
    def images(self) -> list[Image]:
        return [output for output in self.outputs if isinstance(output, Image)]

    @property
    def files(self) -> dict[str, SavedFile]:
        return {output.path: output for output in self.outputs if isinstance(output, SavedFile)}

    @property
    def end(self) -> Ended:
        last = self.outputs[-1]
        assert isinstance(last, Ended)
        assert not any(isinstance(output, Ended) for output in self.outputs[:-1])
        return last

    @property
    def note(self) -> str:
        return self.end.note or ""


class Session:
    """One session of the interpreter, as a thread uses it."""

    def __init__(self, client: Interpreter, name: str) -> None:
        self.client = client
        self.name = name

    async def run(
        self, code: str, inputs: Sequence[InputFile] = (), *, deadline: float = 20.0
    ) -> Gave:
        gave = Gave()
        async for output in self.client.execute(self.name, code, inputs, deadline=deadline):
            gave.outputs.append(output)
        return gave

    async def fetch(self, output: Image | SavedFile) -> bytes:
        chunks = [chunk async for chunk in self.client.fetch(self.name, output.output_id)]
        return b"".join(chunks)


@contextlib.asynccontextmanager
async def connected(process: InterpreterProcess) -> AsyncIterator[Interpreter]:
    async with Interpreter(process.socket) as client:
        await process.answers(client)
        yield client


def an_input(file_id: str, name: str, content: bytes) -> InputFile:
    return InputFile(file_id, name, len(content), lambda: BytesIO(content))

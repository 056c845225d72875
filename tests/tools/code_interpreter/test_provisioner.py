"""The seam for other places to run kernels: one on another host fits it, reached over TCP.

What runs there has no walls; it only shows what a place beyond this machine has to answer.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import zmq.asyncio
from jupyter_client.connect import KernelConnectionInfo

from assistants.tools.code_interpreter.kernel import Kernel, KernelFailed, KernelGone
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.messages import Said, Text
from assistants.tools.code_interpreter.provisioner import Provisioner
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes
from tests.tools.code_interpreter.interpreter_process import PYTHON
from tests.tools.code_interpreter.two_hosts import Hosts, free_port, two_hosts

CHANNELS: Final = ("shell", "iopub", "control", "stdin", "hb")


class Process:
    """A kernel's only process, on a host that nobody here can watch."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._over = asyncio.ensure_future(process.wait())

    @property
    def over(self) -> bool:
        return self._over.done()

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> None:
        await asyncio.shield(self._over)

    def kill(self) -> None:
        if not self.over:
            self._process.kill()

    async def errors(self) -> str:
        assert self._process.stderr
        return (await self._process.stderr.read()).decode()

    @property
    def ran_out_of_memory(self) -> bool:
        return False  # the other host would have to tell

    def processes(self) -> list[int]:
        return []


class OtherHostProvisioner(Provisioner):
    """Runs ipykernel on the other host, as one for a cluster does: it tells it where to listen."""

    hosts: Hosts
    python = PYTHON

    @property
    def has_process(self) -> bool:
        return self.running is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        info: dict[str, Any] = {f"{channel}_port": free_port() for channel in CHANNELS}
        info |= {
            "transport": "tcp",
            "ip": self.hosts.address,
            "key": os.urandom(32).hex(),
            "signature_scheme": "hmac-sha256",
        }
        file = self.folders.tmp / "connection.json"
        file.write_text(json.dumps(info))
        process = await asyncio.create_subprocess_exec(
            *(*self.hosts.within, str(self.python), "-m", "ipykernel_launcher", "-f", str(file)),
            cwd=self.folders.data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.running = Process(process)
        info["key"] = info["key"].encode()  # as jupyter_client compares it
        self.connection_info = info  # type: ignore[assignment]
        return self.connection_info

    async def poll(self) -> int | None:
        return 0 if self.running is None or self.running.over else None

    async def wait(self) -> int | None:
        if self.running is not None:
            await self.running.wait()
        return 0

    async def send_signal(self, signum: int) -> None:
        await self.kill()

    async def kill(self, restart: bool = False) -> None:
        if self.running is not None:
            self.running.kill()

    async def terminate(self, restart: bool = False) -> None:
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        return


class OnlyLimits(Sandboxes):
    """There is no sandbox on this machine to make."""

    def __init__(self) -> None:
        self.limits = Limits()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "data", tmp_path / "tmp", tmp_path / "shm")
    for folder in (made.data, made.tmp, made.shm):
        folder.mkdir()
    return made


@pytest.fixture
async def kernel(folders: Folders, tmp_path: Path) -> AsyncIterator[Kernel]:
    with two_hosts() as hosts:
        OtherHostProvisioner.hosts = hosts
        # The thread that opens connections has to be one of the client's host.
        zmq.asyncio.Context.instance().destroy(0)
        with hosts.client():
            started = await Kernel.start(
                "kernel", OnlyLimits(), folders, tmp_path, OtherHostProvisioner
            )
            yield started
            await started.end("the test is over")
            zmq.asyncio.Context.instance().destroy(0)


async def run(kernel: Kernel, code: str) -> list[Said]:
    return [said async for said in kernel.execute(code)]


def text(said: list[Said]) -> str:
    return "".join(one.text for one in said if isinstance(one, Text))


async def test_a_kernel_on_another_host_keeps_its_variables_is_interrupted_and_ends(
    kernel: Kernel, folders: Folders
) -> None:
    await run(kernel, "x = 1 + 1\nopen('a.txt', 'w').write('a');")
    assert text(await run(kernel, "print(x)")) == "2\n"
    assert (folders.data / "a.txt").read_text() == "a"

    endless = asyncio.create_task(run(kernel, "kept = 5\nwhile True: pass"))
    await asyncio.sleep(0.5)
    await kernel.interrupt()
    await endless
    assert text(await run(kernel, "print(kept)")) == "5\n"

    endless = asyncio.create_task(run(kernel, "while True: pass"))
    await asyncio.sleep(0.2)
    kernel.kill("a limit")
    with pytest.raises(KernelGone):
        await endless
    assert kernel.over


async def test_why_a_kernel_on_another_host_did_not_start_is_told(
    folders: Folders, tmp_path: Path
) -> None:
    class Broken(OtherHostProvisioner):
        python = Path("/bin/false")
        hosts = Hosts("127.0.0.1")

    with pytest.raises(KernelFailed, match="gave no answer"):
        await Kernel.start("kernel", OnlyLimits(), folders, tmp_path, Broken)

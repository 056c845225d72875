"""How Jupyter's kernel manager gets its kernel: the seam where another place to run it can be put
in.

jupyter_client asks a KernelProvisioner to launch a kernel and to say how to reach it. Ours starts
it in a sandbox on this machine, and `Kernel.start` names it. Another is a `Provisioner` as well: a
class that exists for Jupyter (Kubernetes, YARN, a gateway), with the few answers that Jupyter does
not ask for. See docs/interpreter-cluster.md.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any, Final, Protocol

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase  # type: ignore[attr-defined]

from assistants.tools.code_interpreter.sandbox import Sandbox
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes

_CHANNELS: Final = ("shell", "iopub", "control")  # their ports are 1, 2, 3


class Running(Protocol):
    """A kernel's processes, wherever they are: what `Sandbox` is on this machine."""

    @property
    def over(self) -> bool:
        """Whether all of them have ended."""

    @property
    def exit_code(self) -> int | None:
        """Of the first one; None while it runs, or where nobody knows."""

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether they were ended because they used more memory than they may."""

    async def wait(self) -> None:
        """Until all of them have ended."""

    def kill(self) -> None:
        """End all of them at once."""

    async def errors(self) -> str:
        """What they wrote before they ended without an answer, for the log."""

    def processes(self) -> list[int]:
        """Their numbers on this machine, for `watch.py`; none where something else watches."""


class Provisioner(KernelProvisionerBase):
    """What the interpreter wants beside what Jupyter does."""

    sandboxes: Sandboxes
    folders: Folders
    sockets: Path  # a folder of the server's; a socket's path may have 107 bytes
    running: Running | None = None  # once it is launched

    def connected(self) -> None:
        """The server has its connections to the kernel, and makes no more."""


class BubblewrapProvisioner(Provisioner):
    """Runs the kernel in a sandbox of its own, reached over Unix sockets.

    The server makes the listening sockets, at a path that the sandbox cannot see, and hands the
    kernel only their descriptors. If the kernel made them, code inside could put a link in a
    socket's place, and the server would connect to wherever it points.
    """

    running: Sandbox | None = None

    @property
    def has_process(self) -> bool:
        return self.running is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **kwargs,
            "cmd": [],
        }  # the command is the sandbox's, and there is no environment to hand on

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        path = str(self.sockets / str(self.kernel_id))
        key = os.urandom(32).hex()
        listening: dict[str, socket.socket] = {}
        try:
            for port, channel in enumerate(_CHANNELS, 1):
                listening[channel] = socket.socket(socket.AF_UNIX)
                listening[channel].bind(f"{path}-{port}")
                listening[channel].listen(1)
            config = {
                "rlimits": self.sandboxes.rlimits(),
                "sockets": {channel: made.fileno() for channel, made in listening.items()},
                "key": key,
            }
            self.running = await self.sandboxes.start(
                self.folders,
                "boot.py",
                json.dumps(config).encode(),
                pass_fds=[made.fileno() for made in listening.values()],
            )
        except OSError:
            self._remove_sockets()
            raise
        finally:
            for made in listening.values():
                made.close()
        self.connection_info = {
            "transport": "ipc",
            "ip": path,
            "key": key.encode(),  # type: ignore[typeddict-item]  # bytes is what it compares with
            "signature_scheme": "hmac-sha256",
            "shell_port": 1,
            "iopub_port": 2,
            "control_port": 3,
            # jupyter_client wants numbers for these too; nobody connects there.
            "stdin_port": 4,
            "hb_port": 5,
        }
        return self.connection_info

    def connected(self) -> None:
        """Nobody needs the names of the sockets any more."""
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        for port in range(1, len(_CHANNELS) + 1):
            (self.sockets / f"{self.kernel_id}-{port}").unlink(missing_ok=True)

    async def poll(self) -> int | None:
        if self.running is None or self.running.over:
            return 0
        return None

    async def wait(self) -> int | None:
        if self.running is not None:
            await self.running.wait()
        return 0

    async def send_signal(self, signum: int) -> None:
        # A signal to bubblewrap does not reach the kernel. Interrupts go as messages.
        await self.kill()

    async def kill(self, restart: bool = False) -> None:
        if self.running is not None:
            self.running.kill()

    async def terminate(self, restart: bool = False) -> None:
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        self._remove_sockets()


class _Manager(AsyncKernelManager):
    """jupyter_client's manager, without a connection file on disk and a connection of its own."""

    def write_connection_file(self, **kwargs: Any) -> None:
        return

    def _connect_control_socket(self) -> None:
        return


def manager_for(kernel_id: str) -> AsyncKernelManager:
    """A manager of one kernel. Give it a provisioner before its start, or it will look for the
    spec's.
    """
    manager = _Manager(kernel_id=kernel_id, transport="ipc")
    manager._kernel_spec = KernelSpec(
        display_name="Code interpreter", language="python", interrupt_mode="message"
    )
    return manager

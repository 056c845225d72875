"""One kernel: its start, its calls, its end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import zmq
import zmq.asyncio
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.session import Session

from assistants.tools.code_interpreter import messages
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.messages import Idle, Replied, Said
from assistants.tools.code_interpreter.provisioner import (
    BubblewrapProvisioner,
    Provisioner,
    Running,
    manager_for,
)
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes

logger = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0
_LAST_WORD_SECONDS: Final = 2.0
_WAITING: Final = 64  # messages read but not passed on; beyond that the kernel's own queue fills


class KernelFailed(Exception):
    """A kernel did not start. The message says what is known."""


class KernelGone(Exception):
    """The kernel ended during a call."""


class _Channels:
    """Connections to a kernel. They are made before any code of a stranger runs, and never again: a
    kernel that could cut and remake them might choose what the server connects to.
    """

    def __init__(self, info: KernelConnectionInfo, limits: Limits) -> None:
        key: object = info["key"]  # bytes from our provisioner, text from others
        self.session = Session(
            key=key if isinstance(key, bytes) else str(key).encode(), username=""
        )
        self._context = zmq.asyncio.Context.instance()
        self.shell = self._connect(info, info["shell_port"], zmq.DEALER, limits)
        self.control = self._connect(info, info["control_port"], zmq.DEALER, limits)
        self.iopub = self._connect(info, info["iopub_port"], zmq.SUB, limits)
        self.iopub.setsockopt(zmq.SUBSCRIBE, b"")

    def _connect(
        self, info: KernelConnectionInfo, port: int, kind: int, limits: Limits
    ) -> zmq.asyncio.Socket:
        made = self._context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.MAXMSGSIZE, limits.message_size)
        made.setsockopt(zmq.RCVHWM, 4)
        if info["transport"] == "ipc":
            made.setsockopt(zmq.RECONNECT_IVL, -1)
        glue = "-" if info["transport"] == "ipc" else ":"
        made.connect(f"{info['transport']}://{info['ip']}{glue}{port}")
        return made

    async def send(self, channel: zmq.asyncio.Socket, kind: str, content: dict[str, object]) -> str:
        """Send a request; its id. Raises KernelGone if the connection is cut, as it then stays."""
        message = self.session.msg(kind, content)
        try:
            await channel.send_multipart(self.session.serialize(message), zmq.NOBLOCK)
        except zmq.Again:
            raise KernelGone from None
        return str(message["header"]["msg_id"])

    def close(self) -> None:
        for channel in (self.shell, self.control, self.iopub):
            channel.close()


class Kernel:
    """A Python in a sandbox, with its variables. One call at a time."""

    def __init__(
        self,
        kernel_id: str,
        running: Running,
        folders: Folders,
        channels: _Channels,
        limits: Limits,
    ) -> None:
        self.id = kernel_id
        self.running = running
        self.folders = folders
        self.limits = limits
        self.end_reason: str | None = None  # why it was ended, to be read by a person
        self._channels = channels

    @classmethod
    async def start(
        cls,
        kernel_id: str,
        sandboxes: Sandboxes,
        folders: Folders,
        sockets: Path,
        place: type[Provisioner] = BubblewrapProvisioner,
    ) -> "Kernel":
        """A kernel that answers, where `place` puts it. Raises KernelFailed.

        Only tests put it elsewhere: no setting does, since `walls.py` tries the walls of this one.
        """
        manager = manager_for(kernel_id)
        provisioner = place(kernel_id=kernel_id, kernel_spec=manager.kernel_spec, parent=manager)
        provisioner.sandboxes = sandboxes
        provisioner.folders = folders
        provisioner.sockets = sockets
        manager.provisioner = provisioner
        try:
            await manager.start_kernel()
        except OSError as error:
            raise KernelFailed(str(error)) from error
        if (running := provisioner.running) is None:
            raise KernelFailed("it was launched and does not run")
        limits = sandboxes.limits
        channels = _Channels(provisioner.connection_info, limits)
        kernel = cls(kernel_id, running, folders, channels, limits)
        try:
            await asyncio.wait_for(kernel._answers(), _START_SECONDS)
        except (TimeoutError, KernelGone) as error:
            await kernel.end("it did not start")
            raise KernelFailed(await running.errors() or "it gave no answer") from error
        except BaseException:
            await kernel.end("its start was given up")
            raise
        finally:
            provisioner.connected()
        return kernel

    async def _answers(self) -> None:
        """Until the kernel answers a question and what it publishes arrives here as well.

        A subscription takes its time, so the first answer may come without its publications.
        """
        arrived = False
        while not arrived:
            async with contextlib.aclosing(self._ask("kernel_info_request", {}, 0.2)) as answers:
                async for said in answers:
                    arrived = arrived or isinstance(said, Idle)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.running.over

    def execute(self, code: str, *, silent: bool = False) -> AsyncGenerator[Said, None]:
        """Run `code`; what the kernel says until it is done. Raises KernelGone."""
        content: dict[str, object] = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return self._ask("execute_request", content, _LAST_WORD_SECONDS)

    async def _ask(
        self, kind: str, content: dict[str, object], last_word: float
    ) -> AsyncGenerator[Said, None]:
        """Send a request and yield what is said about it, until both the reply and "idle" came.

        They come over two connections. `last_word` is how long to wait for the second, in seconds.
        """
        try:
            call = await self._channels.send(self._channels.shell, kind, content)
        except KernelGone:
            self.kill("its connection was cut")
            raise
        heard: asyncio.Queue[Said | None] = asyncio.Queue(_WAITING)
        listeners = [
            asyncio.create_task(self._listen(self._channels.shell, call, heard)),
            asyncio.create_task(self._listen(self._channels.iopub, call, heard)),
            asyncio.create_task(self._report_end(heard)),
        ]
        replied = idle = False
        try:
            while not (replied and idle):
                try:
                    async with asyncio.timeout(last_word if replied else None):
                        said = await heard.get()
                except TimeoutError:
                    return
                if said is None:
                    raise KernelGone
                replied = replied or isinstance(said, Replied)
                idle = idle or isinstance(said, Idle)
                yield said
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)

    async def _listen(
        self, channel: zmq.asyncio.Socket, call: str, heard: "asyncio.Queue[Said | None]"
    ) -> None:
        """Pass on what comes through `channel`. While nobody takes it from `heard`, nothing more is
        read, and the kernel's queue grows at its own cost.
        """
        for _ in range(self.limits.messages):
            frames = await channel.recv_multipart()
            if said := messages.read(self._channels.session, frames, call):
                await heard.put(said)
            else:
                await asyncio.sleep(0)  # a flood of nonsense must not keep other sessions waiting
        self.kill(f"it sent more than {self.limits.messages:,} messages in one call")

    async def _report_end(self, heard: "asyncio.Queue[Said | None]") -> None:
        await self.running.wait()
        await heard.put(None)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running code. Variables stay."""
        try:
            await self._channels.send(self._channels.control, "interrupt_request", {})
        except KernelGone:
            self.kill("its connection was cut")

    def kill(self, reason: str) -> None:
        """End every process of it at once; `reason` completes the sentence "The session ended:
        ...".
        """
        if self.end_reason is None and not self.over:
            self.end_reason = reason
            logger.info("kernel %s ends: %s", self.id, reason)
        self.running.kill()

    async def end(self, reason: str) -> None:
        """Kill it, wait until that is done, and let go of its connections."""
        self.kill(reason)
        await self.running.wait()
        self._channels.close()

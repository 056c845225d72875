"""A kernel as anyone starts it on their own machine, to compare the code interpreter's with: the
same Python and packages, no sandbox, no process in between.
"""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

ANSWER_SECONDS = 60.0


class BareKernel:
    """Runs code, one call after the other."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str) -> float:
        """The seconds until the kernel had run it.

        :raises RuntimeError: an error in the code
        """
        begun = time.perf_counter()
        self.printed(code)
        return time.perf_counter() - begun

    def printed(self, code: str) -> str:
        """What the code printed.

        :raises RuntimeError: an error in the code
        """
        return "".join(said["text"] for said in self._said(code) if said.get("name") == "stdout")

    def draw(self, code: str, file: Path) -> float:
        """The seconds until the image that the code shows was in this file."""
        begun = time.perf_counter()
        stored = 0.0
        for content in self._said(code):
            if png := content.get("data", {}).get("image/png"):
                file.write_bytes(base64.b64decode(png))
                stored = time.perf_counter()
        return stored - begun

    def _said(self, code: str) -> Iterator[dict[str, Any]]:
        request = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=ANSWER_SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            content: dict[str, Any] = message["content"]
            if message["msg_type"] == "error":
                raise RuntimeError(content["evalue"])
            if content.get("execution_state") == "idle":
                return
            yield content


@contextmanager
def started(python: Path, folder: Path) -> Iterator[BareKernel]:
    """A kernel of this Python that answers; it ends with the block."""
    spec = folder / "bare"
    spec.mkdir(exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described = {"argv": argv, "display_name": "bare", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(described))
    specs = KernelSpecManager(kernel_dirs=[str(folder)])
    manager = KernelManager(kernel_name="bare", kernel_spec_manager=specs)
    manager.transport, manager.ip = "ipc", str(folder / "kernel")
    manager.start_kernel(stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=ANSWER_SECONDS)
        yield BareKernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

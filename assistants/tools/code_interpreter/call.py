"""One call on its way through a session."""

import asyncio
from typing import Final

from prometheus_client import Counter

from assistants.tools.code_interpreter.kernel import Kernel
from assistants.tools.code_interpreter.outputs import Ended, Outcome, Output

ended: Final = Counter(
    "playground_interpreter_calls", "Calls that ended, by how.", ["outcome"], registry=None
)


class Call:
    """Its outputs, its deadline, what is to be told at its end, whether it was told to stop."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.outputs: asyncio.Queue[Output | None] = asyncio.Queue()
        self.notes: list[str] = []  # sentences for the model and the user
        self.stopped: Outcome | None = None
        self._kernel: Kernel | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    def put(self, output: Output) -> None:
        self.outputs.put_nowait(output)

    def finish(self, outcome: Outcome) -> None:
        """Put its last output, with the notes."""
        ended.labels(outcome).inc()
        self.put(Ended(outcome, " ".join(self.notes) or None))

    def begin(self, kernel: Kernel) -> None:
        """From now on the deadline counts, and there is something to interrupt."""
        self._kernel = kernel
        self._timer = asyncio.get_running_loop().call_later(self.deadline, self.stop, "deadline")
        if self.stopped is not None:
            self._stopping = asyncio.create_task(self._interrupt(kernel))

    def stop(self, why: Outcome) -> None:
        if self.stopped is None:
            self.stopped = why
            if self._kernel is not None:
                self._stopping = asyncio.create_task(self._interrupt(self._kernel))

    async def _interrupt(self, kernel: Kernel) -> None:
        """Ask, ask again (one that arrives before the code has begun is lost), then kill."""
        asked = 3
        for _ in range(asked):
            await kernel.interrupt()
            await asyncio.sleep(kernel.limits.grace / asked)
        kernel.kill("it did not stop when it was interrupted")

    def end(self) -> None:
        self._kernel = None
        if self._timer is not None:
            self._timer.cancel()
        if self._stopping is not None:
            self._stopping.cancel()

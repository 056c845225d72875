"""Plays the worker: executes a run step by step, when the test says so, through the same operations
as the engine.
"""

from typing import Any

from assistants.events import log
from assistants.events.log import Event
from assistants.models import Message, Run, RunStatus, RunStep
from assistants.operations import execution, steps
from assistants.operations.endings import Partial

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_token_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


class Worker:
    """Holds one run, from its claim to its end."""

    def __init__(self, run_id: str) -> None:
        run = execution.claim(run_id)
        assert run is not None, "the run is not queued"
        self.run: Run = run
        self._written: dict[str, list[dict[str, Any]]] = {}

    def begin_message(self) -> tuple[RunStep, Message]:
        return steps.begin_message(self.run)

    def say(self, message: Message, text: str, *, first: bool) -> None:
        """One delta of a message's only text."""
        value: dict[str, Any] = {"value": text, "annotations": []} if first else {"value": text}
        written = self._written.setdefault(message.id, [_text("")])
        written[0]["text"]["value"] += text
        part = {"index": 0, "type": "text", "text": value}
        self._delta("thread.message", message.id, {"content": [part]})

    def finish_message(self, step: RunStep, message: Message, text: str) -> None:
        steps.finish_message(self.run, step, message, [_text(text)], USAGE)

    def answer(self, *pieces: str) -> None:
        """A whole message, in these pieces."""
        step, message = self.begin_message()
        for number, piece in enumerate(pieces):
            self.say(message, piece, first=number == 0)
        self.finish_message(step, message, "".join(pieces))

    def answer_with_figure(self, file_id: str, text: str) -> None:
        """A whole message that begins with a figure."""
        step, message = self.begin_message()
        figure = {"type": "image_file", "image_file": {"file_id": file_id, "detail": "auto"}}
        parts = [figure, _text(text)]
        for index, part in enumerate(parts):
            delta = {"content": [{"index": index, **part}]}
            self._delta("thread.message", message.id, delta)
        steps.finish_message(self.run, step, message, parts, USAGE)

    def call(self, name: str, arguments: str, call_id: str = "call_1") -> None:
        """Call a function, and wait for its output."""
        step = steps.begin_tool_calls(self.run)
        function = {"name": name, "arguments": "", "output": None}
        call = {"index": 0, "id": call_id, "type": "function", "function": function}
        rest = {"index": 0, "type": "function", "function": {"arguments": arguments}}
        for part in (call, rest):
            details = {"type": "tool_calls", "tool_calls": [part]}
            self._delta("thread.run.step", step.id, {"step_details": details})
        made = {"id": call_id, "type": "function", "function": {**function, "arguments": arguments}}
        execution.require_action(self.run, step, [made], USAGE, {}, {})

    def complete(self) -> None:
        execution.complete(self.run)

    def fail(self, message: str) -> None:
        error = {"code": "server_error", "message": message}
        execution.end_early(self.run, RunStatus.FAILED, Partial(self._written), error=error)

    def let_go(self) -> None:
        """End as cancelled, when that was asked for."""
        execution.end_early(self.run, RunStatus.CANCELLED, Partial(self._written))

    def _delta(self, kind: str, object_id: str, delta: dict[str, Any]) -> None:
        data = {"id": object_id, "object": f"{kind}.delta", "delta": delta}
        log.publish(self.run.thread_id, [Event.of(f"{kind}.delta", data, self.run.id)])


def _text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": {"value": value, "annotations": []}}

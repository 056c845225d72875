"""Turns what a model says and does into messages and steps, as the API's events tell of them.

Deltas obey the rules that the SDKs' accumulators need: an object's creation comes first; ``id`` and
names are sent once; list items carry a contiguous index; the first delta of a text part has an
empty list of annotations.
"""

import copy
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from assistants.engine.citations import file_citation, file_paths
from assistants.engine.growing import Growing
from assistants.engine.markers import Markers, Source
from assistants.engine.publisher import Publisher
from assistants.errors import Wire
from assistants.models import Message, Run, RunStep
from assistants.operations import steps

T = TypeVar("T")


class Database(Protocol):
    """Calls an operation in a thread, since the database may block and the event loop must not."""

    def __call__(self, operation: Callable[..., T], *args: Any, **kwargs: Any) -> Awaitable[T]: ...


class MessageWriter:
    """One message that grows: images first, then text with its citations, then the annotations of
    its links.
    """

    def __init__(
        self, run: Run, step: RunStep, message: Message, publisher: Publisher, markers: Markers
    ) -> None:
        self._run, self.step, self.message = run, step, message
        self._publisher = publisher
        self._markers = markers
        self._content: list[Wire] = []
        self._said = Growing()
        """The text of the last part, where that is one."""

    @property
    def content(self) -> list[Wire]:
        """The parts so far."""
        if self._content and self._content[-1]["type"] == "text":
            self._content[-1]["text"]["value"] = str(self._said)
        return self._content

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it to see."""
        return not any(
            part["type"] != "text" or part["text"]["value"].strip() for part in self.content
        )

    @classmethod
    async def begin(
        cls, run: Run, publisher: Publisher, database: Database, markers: Markers
    ) -> "MessageWriter":
        await publisher.drain()
        step, message = await database(steps.begin_message, run)
        return cls(run, step, message, publisher, markers)

    def image(self, file_id: str) -> None:
        """Add an image part."""
        part = {"type": "image_file", "image_file": {"file_id": file_id, "detail": "auto"}}
        self.content.append(part)
        self._delta({"index": len(self._content) - 1, **part})

    def text(self, text: str) -> None:
        """Append what the model says. What may become a marker waits until it is whole."""
        for piece in self._markers.feed(text):
            if isinstance(piece, Source):
                self._cite(piece)
            else:
                self._say(piece)

    def end_text(self) -> None:
        """The model says no more: what waited to become a marker is text, or nothing."""
        for rest in self._markers.end():
            self._say(rest)

    def _say(self, text: str, citation: Wire | None = None) -> None:
        """Append to the text, and with it the citation whose marker it is."""
        delta: Wire = {"value": text}
        if not self._content or self._content[-1]["type"] != "text":
            self._content.append({"type": "text", "text": {"value": "", "annotations": []}})
            self._said = Growing()
            delta["annotations"] = []
        part = self._content[-1]["text"]
        if citation is not None:
            # Recordings have no quote in the delta; the whole message tells it.
            told = {**citation, "file_citation": {**citation["file_citation"], "quote": ""}}
            delta["annotations"] = [{"index": len(part["annotations"]), **told}]
            part["annotations"].append(citation)
        self._said.append(text)
        self._delta({"index": len(self._content) - 1, "type": "text", "text": delta}, len(text))

    def _cite(self, source: Source) -> None:
        said = self._content[-1].get("text", {}).get("value", "") if self.content else ""
        self._say(source.marker, file_citation(source, said))

    async def finish(
        self,
        database: Database,
        usage: Callable[[], Wire | None],
        saved: dict[str, str],
        *,
        incomplete: str | None = None,
    ) -> None:
        """Close the message.

        :param usage: tells what was used, in the moment in which it is written
        :param saved: ids of files by their paths in the sandbox, for links to them
        :param incomplete: why it is not what the model wanted to say
        """
        self.end_text()
        if not self.content:
            self._say("")
        self._annotate(saved)
        await self._publisher.drain()
        await database(
            steps.finish_message,
            self._run,
            self.step,
            self.message,
            self.content,
            usage(),
            incomplete=incomplete,
        )

    def _annotate(self, saved: dict[str, str]) -> None:
        for index, part in enumerate(self.content):
            if part["type"] != "text":
                continue
            found = file_paths(part["text"]["value"], saved)
            if not found:
                continue
            known = part["text"]["annotations"]
            deltas = [{"index": place, **link} for place, link in enumerate(found, len(known))]
            known += found
            self._delta({"index": index, "type": "text", "text": {"annotations": deltas}})

    def _delta(self, part: Wire, size: int = 0) -> None:
        self._publisher.post_part(self._run, self.message, part, size=size)


class ToolStepWriter:
    """One step of tool calls that grow in parallel."""

    def __init__(self, run: Run, step: RunStep, publisher: Publisher) -> None:
        self._run, self.step = run, step
        self._publisher = publisher
        self._calls: list[Wire] = []
        self._arguments: dict[int, Growing] = {}

    @classmethod
    async def begin(cls, run: Run, publisher: Publisher, database: Database) -> "ToolStepWriter":
        await publisher.drain()
        step = await database(steps.begin_tool_calls, run)
        return cls(run, step, publisher)

    @property
    def calls(self) -> list[Wire]:
        """The calls so far."""
        for place, arguments in self._arguments.items():
            self._calls[place]["function"]["arguments"] = str(arguments)
        return self._calls

    @property
    def details(self) -> Wire:
        """The step's details so far."""
        return {"type": "tool_calls", "tool_calls": self.calls}

    def code_call(self, call_id: str) -> int:
        """Open a code interpreter call; its place in the step."""
        body: Wire = {"input": "", "outputs": []}
        return self._open({"id": call_id, "type": "code_interpreter", "code_interpreter": body})

    def function_call(self, call_id: str, name: str) -> int:
        """Open a function call; its place in the step."""
        body: Wire = {"name": name, "arguments": "", "output": None}
        return self._open({"id": call_id, "type": "function", "function": body})

    def file_search_call(self, call_id: str, ranking_options: Wire) -> int:
        """Open a file search call; its place in the step."""
        body: Wire = {"ranking_options": ranking_options, "results": []}
        return self._open({"id": call_id, "type": "file_search", "file_search": body})

    def results(self, place: int, results: list[Wire]) -> None:
        """What a file search has found. It is told with the end of the step, as recordings show."""
        self._calls[place]["file_search"]["results"] = results

    def code(self, place: int, text: str) -> None:
        """Append to the code of a call."""
        self._calls[place]["code_interpreter"]["input"] += text
        self._call_delta(place, {"input": text}, len(text))

    def arguments(self, place: int, text: str) -> None:
        """Append to the arguments of a function call."""
        self._arguments.setdefault(place, Growing()).append(text)
        self._call_delta(place, {"arguments": text}, len(text))

    def logs(self, place: int, text: str) -> None:
        """Append to what the code printed."""
        outputs = self._calls[place]["code_interpreter"]["outputs"]
        if outputs and outputs[-1]["type"] == "logs":
            outputs[-1]["logs"] += text
        else:
            outputs.append({"type": "logs", "logs": text})
        delta = {"index": len(outputs) - 1, "type": "logs", "logs": text}
        self._call_delta(place, {"outputs": [delta]}, len(text))

    def image(self, place: int, file_id: str) -> None:
        """Add a figure that the code drew."""
        outputs = self._calls[place]["code_interpreter"]["outputs"]
        output = {"type": "image", "image": {"file_id": file_id}}
        outputs.append(output)
        self._call_delta(place, {"outputs": [{"index": len(outputs) - 1, **output}]})

    def _open(self, call: Wire) -> int:
        self._calls.append(call)
        place = len(self._calls) - 1
        # The call goes on growing here; the delta needs a copy of its own. Recordings show what
        # opens a call in a delta by itself.
        self._delta({"index": place, **copy.deepcopy(call)}, alone=True)
        return place

    def _call_delta(self, place: int, delta: Wire, size: int = 0) -> None:
        kind = self._calls[place]["type"]
        self._delta({"index": place, "type": kind, kind: delta}, size)

    def _delta(self, call: Wire, size: int = 0, *, alone: bool = False) -> None:
        self._publisher.post_call(self._run, self.step, call, size=size, alone=alone)

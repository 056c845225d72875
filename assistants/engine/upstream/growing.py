"""Messages and steps that grow here as they grow there: what is new is told as deltas, under the
rules that ``assistants.engine.writer`` names.
"""

import copy
from collections.abc import Mapping
from typing import Any

from assistants.engine.publisher import Publisher
from assistants.errors import Wire
from assistants.models import Message, Run, RunStep


class GrowingMessage:
    """A message that another server writes. ``content`` is what was told of it so far."""

    def __init__(
        self, run: Run, step: RunStep, message: Message, publisher: Publisher, content: list[Wire]
    ) -> None:
        self._run, self.step, self.message = run, step, message
        self._publisher = publisher
        self.content = content

    def append(self, index: int, value: str, annotations: list[Wire]) -> None:
        """More text at the end of a part, and annotations; what is not the next part, or a piece of
        text for a part that is none, waits for the whole message.
        """
        if index > len(self.content):
            return
        delta: Wire = {"value": value}
        if index == len(self.content):
            self.content.append({"type": "text", "text": {"value": "", "annotations": []}})
            delta["annotations"] = []
        part = self.content[index]
        if part["type"] != "text":
            return
        part["text"]["value"] += value
        if value or "annotations" in delta:
            self._post({"index": index, "type": "text", "text": delta}, len(value))
        if annotations:
            known = part["text"]["annotations"]
            told = [{"index": place, **one} for place, one in enumerate(annotations, len(known))]
            known += annotations
            self._post({"index": index, "type": "text", "text": {"annotations": told}})

    def image(self, index: int, part: Wire) -> None:
        """A figure, if it is the next part."""
        if index == len(self.content):
            self.content.append(part)
            self._post({"index": index, **copy.deepcopy(part)})

    def become(self, content: list[Wire]) -> None:
        """Tell what the whole message has more than was told. Where the server has changed its
        mind, the end of the message tells the truth.
        """
        for index, part in enumerate(content):
            if part["type"] != "text":
                self.image(index, part)
                continue
            known = self.content[index] if index < len(self.content) else None
            said, whole = "", part["text"]
            annotated = 0
            if known is not None and known["type"] == "text":
                said = known["text"]["value"]
                annotated = len(known["text"]["annotations"])
            if not whole["value"].startswith(said):
                continue
            more = whole["annotations"][annotated:]
            if known is None or len(whole["value"]) > len(said) or more:
                self.append(index, whole["value"][len(said) :], copy.deepcopy(more))

    def _post(self, part: Wire, size: int = 0) -> None:
        self._publisher.post_part(self._run, self.message, part, size=size)


class GrowingStep:
    """A step of tool calls that another server makes. ``calls`` is what was told of it so far."""

    def __init__(self, run: Run, step: RunStep, publisher: Publisher, calls: list[Wire]) -> None:
        self._run, self.step = run, step
        self._publisher = publisher
        self.calls = calls

    @property
    def details(self) -> Wire:
        return {"type": "tool_calls", "tool_calls": self.calls}

    def become(self, calls: list[Wire]) -> None:
        """Tell what these calls have more than was told."""
        for place, call in enumerate(calls):
            if place == len(self.calls):
                self.calls.append(copy.deepcopy(call))
                self._post({"index": place, **copy.deepcopy(call)}, alone=True)
                continue
            known = self.calls[place]
            kind = call["type"]
            if known["type"] != kind or known["id"] != call["id"]:
                continue
            more = _more(known[kind], call[kind])
            if more:
                self._post({"index": place, "type": kind, kind: more})

    def _post(self, call: Wire, *, alone: bool = False) -> None:
        size = len(str(call))
        self._publisher.post_call(self._run, self.step, call, size=size, alone=alone)


def _more(known: Wire, call: Mapping[str, Any]) -> Wire:
    """What a call has more than is known, as a delta; the known grows by it. Results of searches
    are told with the end of the step.
    """
    more: Wire = {}
    for name in ("input", "arguments"):
        old, new = known.get(name), call.get(name)
        if isinstance(old, str) and isinstance(new, str) and new != old and new.startswith(old):
            more[name], known[name] = new[len(old) :], new
    if "outputs" in call:
        outputs = _more_outputs(known["outputs"], call["outputs"])
        if outputs:
            more["outputs"] = outputs
    for name in ("results", "output"):
        if name in call:
            known[name] = call[name]
    return more


def _more_outputs(known: list[Wire], outputs: list[Wire]) -> list[Wire]:
    more: list[Wire] = []
    for index, output in enumerate(outputs):
        if index == len(known):
            known.append(copy.deepcopy(output))
            more.append({"index": index, **copy.deepcopy(output)})
        elif output["type"] == "logs" and known[index]["type"] == "logs":
            old, new = known[index]["logs"], output["logs"]
            if new != old and new.startswith(old):
                more.append({"index": index, "type": "logs", "logs": new[len(old) :]})
                known[index]["logs"] = new
    return more

"""Events back into objects: what a reader knows who has heard them all.

Deltas follow the rules of the SDKs' own accumulators: text is appended, numbers are added,
``index`` places list items, and ``type`` and ``id`` are set. Every other event carries its object
whole and replaces what was known.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from assistants.errors import Wire
from assistants.events.log import Entry, Event


@dataclass
class Fold:
    """The thread's objects by id, as far as the events told of them."""

    runs: dict[str, Wire] = field(default_factory=dict)
    steps: dict[str, Wire] = field(default_factory=dict)
    messages: dict[str, Wire] = field(default_factory=dict)

    def apply(self, name: str, data: Wire) -> None:
        """Take in one event. Events of kinds that are not folded, and deltas of unknown
        objects, change nothing.
        """
        if name == "thread.message.delta":
            if message := self.messages.get(data["id"]):
                accumulate(message["content"], data["delta"]["content"])
        elif name == "thread.run.step.delta":
            if step := self.steps.get(data["id"]):
                details = data["delta"]["step_details"]
                accumulate(step["step_details"].setdefault("tool_calls", []), details["tool_calls"])
        elif name == "thread.message.updated":
            if message := self.messages.get(data["id"]):
                message["metadata"] = data["metadata"]
        elif name == "thread.message.deleted":
            self.messages.pop(data["id"], None)
        elif name.startswith("thread.run.step."):
            self.steps[data["id"]] = data
        elif name.startswith("thread.run."):
            self.runs[data["id"]] = data
        elif name.startswith("thread.message."):
            self.messages[data["id"]] = data


def fold(events: Iterable[Event | Entry]) -> Fold:
    """All the events, taken in order, from nothing."""
    state = Fold()
    for event in events:
        state.apply(event.name, json.loads(event.data))
    return state


def accumulate(items: list[Wire], deltas: list[Wire]) -> None:
    """Merge list items that name their place by ``index`` into the list, in place."""
    for delta in deltas:
        index = delta["index"]
        part = {name: value for name, value in delta.items() if name != "index"}
        while index >= len(items):
            items.append({})
        _merge(items[index], part)


def _merge(known: Wire, delta: Wire) -> None:
    for name, value in delta.items():
        old: Any = known.get(name)
        if isinstance(value, list):
            accumulate(known.setdefault(name, []), value)
        elif isinstance(value, dict):
            if old is None:
                old = known[name] = {}
            _merge(old, value)
        elif isinstance(value, str) and isinstance(old, str) and name not in ("type", "id"):
            known[name] = old + value
        else:
            known[name] = value

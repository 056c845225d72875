"""What the demo model says next, in the form of the Chat Completions API: text and tool calls."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str
    """JSON."""

    @classmethod
    def to(cls, name: str, arguments: dict[str, object]) -> "ToolCall":
        return cls(name, json.dumps(arguments, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Reply:
    text: str = ""
    calls: tuple[ToolCall, ...] = ()

"""What a skill decides to do about a message."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assistants.engine.demo.output import Output


@dataclass(frozen=True, slots=True)
class Say:
    """Answer in words."""

    text: str


@dataclass(frozen=True, slots=True)
class RunCode:
    """Run Python, then tell what came of it."""

    code: str
    told: Callable[[Output], str]
    """The answer, made from the output of code that did not fail."""
    second_try: str | None = None
    """Other code for the same end, run once if the first fails."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallFunctions:
    """Call functions of the caller's; what they answer is told by the `functions` skill."""

    calls: tuple[FunctionCall, ...]


Plan = Say | RunCode | CallFunctions

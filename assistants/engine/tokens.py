"""Tokens that a provider counted; what nobody counted is estimated in ``assistants.tokens``."""

from dataclasses import dataclass
from typing import Any, Final

from assistants.errors import Wire

MAX_TOKENS: Final = 1_000_000_000
"""More than any model takes, and few enough for any sum of them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer of a model used."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    told: bool = True
    """Whether the provider counted, and not we."""

    @classmethod
    def of(cls, usage: Wire) -> "Usage | None":
        """From Chat Completions' usage; what is left out, or cannot be meant, counts as nothing.
        None where that is all of it.
        """
        found = cls(
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
            _count(usage.get("prompt_tokens_details"), "cached_tokens"),
            _count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        )
        return found if found.prompt or found.completion else None

    def to_dict(self) -> Wire:
        """The usage of a run step, as on the wire."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_token_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and 0 < value <= MAX_TOKENS else 0

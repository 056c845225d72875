"""Tokens: what a provider counted, or an honest estimate where it did not."""

import math
import re
from dataclasses import dataclass
from typing import Any

from assistants.errors import Wire

LATIN_CHARS_PER_TOKEN = 4.5
CJK_CHARS_PER_TOKEN = 1.0
"""Measured with the tokenizers of OpenAI: English 4.5, Chinese 0.83 to 1.2."""
WIDE = re.compile("[⺀-鿿가-힯豈-\U0010ffff]")
"""Characters that are about a token each."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer of a model used."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, usage: Wire) -> "Usage":
        """From Chat Completions' usage; what a server leaves out counts as nothing."""
        return cls(
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
            _count(usage.get("prompt_tokens_details"), "cached_tokens"),
            _count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        )

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
    return value if isinstance(value, int) and value > 0 else 0


def estimate(text: str) -> int:
    """About how many tokens a text has, by the scripts that it is written in."""
    wide = 0 if text.isascii() else len(WIDE.findall(text))
    return math.ceil(wide / CJK_CHARS_PER_TOKEN + (len(text) - wide) / LATIN_CHARS_PER_TOKEN)

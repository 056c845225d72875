"""How many tokens a text has: counted for models whose vocabulary is public, else estimated by the
scripts that it is written in.
"""

import math
import re
from bisect import bisect_left
from functools import lru_cache
from typing import Any, Final

LATIN_CHARS_PER_TOKEN = 4.5
"""Measured with the tokenizers of OpenAI: English 4.5, Chinese 0.83 to 1.2."""
WIDE = re.compile("[⺀-鿿가-힯豈-\U0010ffff]")
"""Characters that are about a token each."""


VOCABULARIES: Final = (
    (r"gpt-4o|gpt-4\.[15]|gpt-5|gpt-oss|chatgpt|o[1-9](-|$)", "o200k_base"),
    (r"gpt-4|gpt-3\.5|gpt-35", "cl100k_base"),
    (r"llama-?3|meta-llama-3", "llama3"),
    (r"deepseek-(v3|r1|chat|reasoner)", "deepseek_v3"),
    (r"mistral-nemo|ministral", "mistral_v3"),
    (r"phi-?4", "phi4"),
)
"""By the beginnings of models' own names."""


def count(text: str, model: str) -> int:
    """How many tokens a text has.

    :param model: the model's own name, without who serves it
    """
    vocabulary = next((known for name, known in VOCABULARIES if re.match(name, model)), None)
    if vocabulary is None:
        return estimate(text)
    return len(_tokenizer(vocabulary).encode_ordinary(text))


@lru_cache
def _tokenizer(name: str) -> Any:
    """Some 25 MB and up to 0.2 s, so only where a run asks such a model."""
    import splintr

    return splintr.Tokenizer.from_pretrained(name)


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    wide = 0 if text.isascii() else len(WIDE.findall(text))
    return math.ceil(_cost(len(text), wide))


def reach(text: str, tokens: int) -> int:
    """How many characters from the beginning come to no more than so many tokens."""
    text = text[: math.floor(tokens * LATIN_CHARS_PER_TOKEN)]
    wide = [] if text.isascii() else [found.start() for found in WIDE.finditer(text)]
    if _cost(len(text), len(wide)) <= tokens:
        return len(text)
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        if _cost(middle, bisect_left(wide, middle)) <= tokens:
            low = middle
        else:
            high = middle
    return low


def _cost(characters: int, wide: int) -> float:
    return wide + (characters - wide) / LATIN_CHARS_PER_TOKEN

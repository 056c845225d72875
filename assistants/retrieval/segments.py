"""Cutting text into the words that the index knows."""

import re
from collections.abc import Collection
from dataclasses import dataclass

LANGUAGES = ("english",)


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which the index may have a word: a field and what stands in it."""

    field: str
    word: str


@dataclass(frozen=True, slots=True)
class Segmented:
    """A passage as the index has it."""

    words: list[str]
    rest: list[str]
    language: str


def document(text: str) -> Segmented:
    return Segmented(re.findall(r"\w+", text.lower()), [], "english")


def query(text: str, languages: Collection[str]) -> list[tuple[Way, ...]]:
    return [(Way("words", word),) for word in re.findall(r"\w+", text.lower())]

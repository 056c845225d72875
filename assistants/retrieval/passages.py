"""A passage: the piece of a file's text that is searched for and shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a file's text.

    ``start`` and ``end`` are half-open and count code points in the parsed text. ``page`` is the
    page or slide, from 1, or None where a file has none; a passage never spans two.
    """

    text: str
    start: int
    end: int
    page: int | None

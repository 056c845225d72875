"""What a query means, in a form that passages of any model can be compared with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNRELATED = (
    "The cat sleeps on the warm roof.",
    "The central bank raised interest rates again.",
    "Mix the flour with butter, sugar and two eggs.",
    "The train leaves from platform four at noon.",
    "She scored the winning goal in the last minute.",
    "Press the red button to restart the machine.",
    "The court rejected the appeal.",
    "Vaccines train the immune system against a virus.",
    "He painted the walls of the room blue.",
    "The river floods the valley every spring.",
    "Please send the signed contract by Friday.",
    "The function returns an error when the list is empty.",
    "Ancient ruins were discovered near the village.",
    "Our hotel room had a view of the sea.",
    "Most children learn to read at the age of six.",
    "The galaxy contains billions of stars.",
)
"""Of everything a little. How near a query is to these on average is how near it is to anything:
that differs a lot between models.
"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query's vector by the model of the label; ``background`` is its mean cosine to texts that
    have nothing to do with it.
    """

    label: str
    numbers: Sequence[float]
    background: float


def middle_of(unrelated: Sequence[Sequence[float]]) -> list[float]:
    """The mean of the vectors of ``UNRELATED``."""
    units = [_unit(numbers) for numbers in unrelated]
    return [sum(column) / len(units) for column in zip(*units, strict=True)]


def meaning_of(label: str, numbers: Sequence[float], middle: Sequence[float]) -> Meaning:
    """The meaning of a query with this vector."""
    unit = _unit(numbers)
    return Meaning(label, unit, sum(map(float.__mul__, unit, middle)))


def _unit(numbers: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]

"""What a benchmark finds, and the one table that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass(frozen=True)
class Figure:
    """One measured number.

    ``direct`` is what the direct way took in the same run, in the same unit: the chat server asked
    without us, a kernel without a sandbox. ``target`` is what the figure may be at most.
    """

    what: str
    value: float
    unit: str
    target: float | None = None
    direct: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        ratio = f"{self.value / self.direct:.2f}" if self.direct else ""
        if self.target is None:
            target, met = "", ""
        else:
            target = f"<= {self.target:g} {self.unit}"
            met = "yes" if self.value <= self.target else "NO"
        direct = "" if self.direct is None else f"{number(self.direct)} {self.unit}"
        return self.what, f"{number(self.value)} {self.unit}", direct, ratio, target, met


@dataclass(frozen=True)
class Report:
    """The figures of a benchmark; ``details`` are tables of their own: a title, then rows."""

    figures: Sequence[Figure]
    details: Sequence[tuple[str, Sequence[tuple[str, ...]]]] = field(default_factory=tuple)


HEAD = ("figure", "measured", "direct way", "ratio", "target", "met")


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def p99(values: Sequence[float]) -> float:
    """The value that one in a hundred exceeds."""
    return quantiles(values, n=100, method="inclusive")[98]


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows below each other: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )

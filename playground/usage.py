"""What runs have used, and what that costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from django.db.models import DurationField, ExpressionWrapper, F, IntegerField, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistants.models import Project, Run, TokenUse
from assistants.operations import prices
from assistants.operations.providers import DEMO_MODEL


@dataclass(frozen=True)
class Total:
    """What some runs have used together. ``seconds`` is how long they took, ``cost`` that of those
    whose price is known, None if there are none; ``unpriced`` is how many others there are.
    """

    name: str
    runs: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: Decimal | None
    unpriced: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def price(self) -> str:
        if self.cost is None or not self.unpriced:
            return in_words(self.cost)
        told = ngettext(
            "{price}, and {n} run of unknown price",
            "{price}, and {n} runs of unknown price",
            self.unpriced,
        )
        return told.format(
            price=in_words(self.cost), n=number_format(self.unpriced, force_grouping=True)
        )


def of_run(run: Run) -> str:
    """What a run costs, in words."""
    if (run.answered_by or run.model) == DEMO_MODEL:
        return in_words(Decimal(0))
    return in_words(prices.of_run(run))


def in_words(amount: Decimal | None) -> str:
    """ "free", "price unknown", or dollars to the digit that counts: "$0.0061"."""
    if amount is None:
        return _("price unknown")
    if not amount:
        return _("free")
    if amount < Decimal("0.0001"):
        return _("less than $0.0001")
    places = 4 if amount < 1 else 2
    return f"${number_format(amount, places, force_grouping=True)}"


def total_of(uses: Iterable[TokenUse], price_of: prices.PriceOf, name: str = "") -> Total:
    """What days of runs have used together, at the prices of today."""
    found = list(uses)
    written: dict[str, list[int]] = {}
    for use in found:
        sums = written.setdefault(use.model, [0, 0, 0])
        sums[0] += use.prompt_tokens
        sums[1] += use.completion_tokens
        sums[2] += use.runs
    costs = [
        (prices.amount(price_of(model), {"prompt_tokens": read, "completion_tokens": wrote}), runs)
        for model, (read, wrote, runs) in written.items()
    ]
    cost, unpriced = _sum(costs)
    return Total(
        name,
        runs=sum(use.runs for use in found),
        prompt_tokens=sum(use.prompt_tokens for use in found),
        completion_tokens=sum(use.completion_tokens for use in found),
        seconds=0.0,
        cost=cost,
        unpriced=unpriced,
    )


def by_day(uses: QuerySet[TokenUse], project: Project) -> list[tuple[date, Total]]:
    """What was used on each day on which anything was, the newest first."""
    ordered = uses.order_by("-day", "pk")
    price_of = prices.at_once(project)
    return [
        (day, total_of(of_day, price_of)) for day, of_day in groupby(ordered, lambda use: use.day)
    ]


def total(name: str, runs: QuerySet[Run], project: Project) -> Total:
    """All of these runs that have used anything, added up in the database.

    :param name: what the sum is called
    """
    took = ExpressionWrapper(F("ended_at") - F("created_at"), output_field=DurationField())
    groups = (
        runs.exclude(usage=None)
        .order_by()
        .values("model", "answered_by")
        .annotate(
            runs=Sum(1, output_field=IntegerField()),
            prompt=Sum(_tokens("prompt_tokens")),
            completion=Sum(_tokens("completion_tokens")),
            took=Sum(took),
        )
    )
    found = list(groups)
    costs = [
        (
            prices.cost(
                group["answered_by"] or group["model"],
                {"prompt_tokens": group["prompt"], "completion_tokens": group["completion"]},
                project,
            ),
            int(group["runs"]),
        )
        for group in found
    ]
    cost, unpriced = _sum(costs)
    return Total(
        name,
        runs=sum(group["runs"] for group in found),
        prompt_tokens=sum(group["prompt"] or 0 for group in found),
        completion_tokens=sum(group["completion"] or 0 for group in found),
        seconds=sum((group["took"] or timedelta() for group in found), timedelta()).total_seconds(),
        cost=cost,
        unpriced=unpriced,
    )


def _sum(costs: Sequence[tuple[Decimal | None, int]]) -> tuple[Decimal | None, int]:
    """What is known of some costs, each that of so many runs, and of how many it is not."""
    known = [amount for amount, _runs in costs if amount is not None]
    unpriced = sum(runs for amount, runs in costs if amount is None)
    return (sum(known, Decimal(0)) if known or not costs else None), unpriced


def _tokens(name: str) -> Cast:
    return Cast(KeyTextTransform(name, "usage"), IntegerField())

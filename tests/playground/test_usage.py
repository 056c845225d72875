"""What runs have used, in words."""

from decimal import Decimal

import pytest

from assistants.models import TokenUse
from assistants.operations.prices import Price
from playground.usage import Total, total_of


@pytest.mark.parametrize(
    "cost,unpriced,said",
    [
        (Decimal("0.0075"), 0, "$0.0075"),
        (Decimal("0.0075"), 1, "$0.0075, and 1 run of unknown price"),
        (Decimal("0.0075"), 1200, "$0.0075, and 1,200 runs of unknown price"),
        (None, 2, "price unknown"),
        (Decimal(0), 0, "free"),
    ],
)
def test_a_cost_is_told_as_far_as_it_is_known(
    cost: Decimal | None, unpriced: int, said: str
) -> None:
    assert Total("", 3, 1, 1, 1.0, cost, unpriced).price == said


def test_days_of_models_without_a_price_are_counted() -> None:
    uses = [
        TokenUse(model=model, runs=runs, prompt_tokens=1000, completion_tokens=0)
        for model, runs in (("known", 1), ("gone", 2), ("gone", 3), ("known", 1))
    ]
    price = Price(Decimal(3), Decimal(9))
    total = total_of(uses, lambda model: price if model == "known" else None)
    assert total.cost == Decimal("0.006")
    assert (total.unpriced, total.runs) == (5, 7)
    nothing = total_of((), lambda model: None)
    assert nothing.cost == Decimal(0)
    assert nothing.unpriced == 0

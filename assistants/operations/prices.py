"""What answers of chat models cost, as far as their prices are known.

Prices are kept with the providers, in US dollars per million tokens. What is not known is None,
never zero.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from assistants.models import Project, Run
from assistants.operations import providers
from assistants.operations.providers import DEMO_MODEL, ChatModel

MILLION: Final = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens that a model reads (``input``) and writes (``output``)."""

    input: Decimal
    output: Decimal


FREE: Final = Price(Decimal(0), Decimal(0))

PriceOf = Callable[[str], Price | None]
"""The price of a model by its own name, as in a run's ``answered_by``."""


def of_model(model: str | ChatModel, project: Project | None = None) -> Price | None:
    """The model's price, None if it is not known.

    :param model: its own name, as in a run's ``answered_by``, or the model
    :param project: whose providers are looked at; without one, a name tells only the demo model
    """
    if isinstance(model, str):
        if model == DEMO_MODEL:
            return FREE
        found = providers.priced(model, project) if project else None
        if found is None:
            return None
        model = found
    if model.provider.kind == "demo":
        return FREE
    told = model.provider.told(model.name)
    if told is None or told.input is None or told.output is None:
        return None
    return Price(told.input, told.output)


def at_once(project: Project) -> PriceOf:
    """The prices of a project for one page: what its providers say is read once for each model."""
    return cache(lambda model: of_model(model, project))


def cost(
    model: str | ChatModel, usage: Mapping[str, Any] | None, project: Project | None = None
) -> Decimal | None:
    """US dollars for one run, step or sum of them that this model has answered.

    :param model: and ``project``: as for ``of_model``
    :param usage: as in the API, with ``prompt_tokens`` and ``completion_tokens``
    :returns: None when the price, or what was used, is not known
    """
    return amount(of_model(model, project), usage)


def amount(price: Price | None, usage: Mapping[str, Any] | None) -> Decimal | None:
    """As ``cost``, at a price that is known already, or not."""
    if price is None or not usage:
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if read is None or written is None:
        return None
    return (price.input * int(read) + price.output * int(written)) / MILLION


def of_run(run: Run) -> Decimal | None:
    """US dollars for a run; None when that is not known."""
    found = cost(run.answered_by or run.model, run.usage, run.thread.project)
    # What another server asks for a model of the same name is its own matter.
    return None if found is None or run.mirrored else found

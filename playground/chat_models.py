"""How chat models are called on the pages, and what they cost."""

from assistants.errors import Invalid
from assistants.operations import providers


def label(name: str) -> str:
    """The model's name, and what answers under it where that is another one: the demo model says
    what it is wherever it answers.
    """
    try:
        model = providers.resolve(name)
    except Invalid:
        return name
    return model.label if model.name == name else f"{name} ({model.label})"


def price(name: str) -> str:
    """What a run with the model costs, in words. Only the demo model's price is known here."""
    try:
        is_demo = providers.resolve(name).provider.kind == "demo"
    except Invalid:
        is_demo = False
    return "free" if is_demo else "price unknown"

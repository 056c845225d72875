"""How chat models are called on the pages."""

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

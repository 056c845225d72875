"""How chat models are called on the pages."""

from collections.abc import Iterable

from assistants.errors import Invalid
from assistants.models import Project, Run
from assistants.operations import aliases, providers
from assistants.operations.providers import DEMO_MODEL


def label(name: str, answered_by: str) -> str:
    """The model's name, and what answers under it where that is another one: the demo model says
    what it is wherever it answers.
    """
    shown = providers.DEMO.label if answered_by == DEMO_MODEL else answered_by
    return shown if answered_by == name else f"{name} ({shown})"


def of_run(run: Run) -> str:
    """What the run's model is called."""
    return label(run.model, run.answered_by or run.model)


def labels(names: Iterable[str], project: Project) -> dict[str, str]:
    """What models are called that a run of the project would ask for now."""
    models = {alias.name: alias.model for alias in aliases.list_aliases(project)}
    return {name: label(name, _answering(models.get(name, name))) for name in names}


def _answering(name: str) -> str:
    try:
        return providers.resolve(name).name
    except Invalid:
        return name

"""How chat models are called on the pages."""

from collections.abc import Iterable

from assistants.errors import Invalid
from assistants.models import Project, Run
from assistants.operations import aliases, model_facts, prices, providers
from assistants.operations.providers import DEMO_MODEL, ChatModel


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
    return {name: label(name, _answering(models.get(name, name), project)) for name in names}


def _answering(name: str, project: Project) -> str:
    try:
        return providers.called(name, project).name
    except Invalid:
        return name


def facts(model: ChatModel) -> str:
    """Who serves the model, and what it can do, as far as that is known before it is asked."""
    if model.provider.kind == "demo":
        return "Scripted: draws, computes, searches files and calls functions by rules."
    found = [model.provider.label]
    if tokens := model_facts.window(model):
        found.append(f"reads {tokens:,} tokens")
    if model_facts.is_blind(model):
        found.append("sees no images")
    if model_facts.reasons(model):
        found.append("reasons")
    cost = prices.of_model(model)
    if cost:
        found.append(f"${cost.input.normalize():f} in, ${cost.output.normalize():f} out a million")
    else:
        found.append("price unknown")
    return " · ".join(found)

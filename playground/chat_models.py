"""How chat models are called on the pages."""

from collections.abc import Iterable

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from assistants.errors import Invalid
from assistants.models import Project, Run
from assistants.operations import aliases, model_facts, prices, providers
from assistants.operations.providers import DEMO_MODEL, ChatModel
from playground.service_words import told


def label(name: str, answered_by: str) -> str:
    """The model's name, and what answers under it where that is another one: the demo model says
    what it is wherever it answers.
    """
    shown = told(providers.DEMO.label) if answered_by == DEMO_MODEL else answered_by
    if answered_by == name:
        return shown
    return _("{name} ({model})").format(name=name, model=shown)


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
        return _("Scripted: draws, computes, searches files and calls functions by rules.")
    found = [model.provider.label]
    if tokens := model_facts.window(model):
        number = number_format(tokens, force_grouping=True)
        found.append(_("reads {n} tokens").format(n=number))
    if model_facts.calls_tools(model):
        found.append(_("calls tools, streams"))
    else:
        found.append(_("tools and streaming unknown: test the connection in Settings to find out"))
    if model_facts.sees(model):
        found.append(_("sees images"))
    elif model_facts.is_blind(model):
        found.append(_("sees no images"))
    if model_facts.reasons(model):
        found.append(_("reasons"))
    cost = prices.of_model(model)
    if cost:
        told_cost = _("${input} in, ${output} out a million")
        read, written = (f"{price.normalize():f}" for price in (cost.input, cost.output))
        found.append(told_cost.format(input=read, output=written))
    else:
        found.append(_("price unknown"))
    return " · ".join(found)

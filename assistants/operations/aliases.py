"""Aliases: names under which a project's programs ask for its chat models."""

from django.db import transaction

from assistants import refusals
from assistants.models import ModelAlias, Project
from assistants.operations import audit, providers

MAX_NAME = 256


def list_aliases(project: Project) -> list[ModelAlias]:
    """The project's aliases, by name."""
    # Databases differ in how they sort text.
    return sorted(ModelAlias.objects.in_project(project), key=lambda alias: alias.name)


def set_alias(project: Project, name: str, model: str) -> ModelAlias:
    """Let ``model`` answer under ``name`` from now on, in place of whatever did.

    :param model: a model's own name, not another alias
    :raises Invalid: param ``name``: it is empty, too long, or the demo model's;
        param ``model``: no model has that name
    """
    name, model = name.strip(), model.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise refusals.ALIAS_LENGTH(limit=MAX_NAME)
    if name == providers.DEMO_MODEL:
        raise refusals.ALIAS_OF_DEMO(name=name)
    # Outside the transaction: a provider may be asked for its models.
    providers.called(model, project)
    with transaction.atomic():
        alias, _ = ModelAlias.objects.update_or_create(
            project=project, name=name, defaults={"model": model}
        )
        audit.note("alias.set", project, name=name, model=model)
        return alias


@transaction.atomic
def delete_alias(project: Project, name: str) -> None:
    """From now on the name means what it means without an alias.

    :raises NotFound: the project has no such alias
    """
    deleted, _ = ModelAlias.objects.in_project(project).filter(name=name).delete()
    if not deleted:
        raise refusals.not_found("alias", name)
    audit.note("alias.deleted", project, name=name)

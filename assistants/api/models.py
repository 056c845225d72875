"""``/models``: the chat models that an assistant may use."""

from django.http import HttpResponse
from ninja import Router

from assistants import refusals
from assistants.api.objects import Model, ModelDeleted, ModelList, answers
from assistants.api.replies import json_response
from assistants.api.request import ApiRequest
from assistants.errors import Invalid, Wire
from assistants.operations import providers
from assistants.operations.aliases import delete_alias, list_aliases

router = Router(tags=["Models"])


@router.get("", response=answers(ModelList))
def list_models(request: ApiRequest) -> HttpResponse:
    """All models, in one list, and then the project's aliases."""
    return json_response({"object": "list", "data": _known(request)})


@router.get("/{path:model}", response=answers(Model))
def get_model(request: ApiRequest, model: str) -> HttpResponse:
    """One model. Its id may hold slashes. A name that runs can ask for is a model too, though the
    list does not have it.
    """
    for known in _known(request):
        if known["id"] == model:
            return json_response(known)
    try:
        found = providers.resolve(model, request.project)
    except Invalid as error:
        raise refusals.MODEL_NOT_FOUND(name=model) from error
    return json_response(_object(model, found.provider.label))


@router.delete("/{path:model}", response=answers(ModelDeleted))
def delete_model(request: ApiRequest, model: str) -> HttpResponse:
    """Delete an alias of the project. Models themselves belong to their providers."""
    if model not in {alias.name for alias in list_aliases(request.project)}:
        get_model(request, model)
        raise refusals.MODEL_NOT_OURS(name=model)
    delete_alias(request.project, model)
    return json_response({"id": model, "object": "model", "deleted": True})


def _known(request: ApiRequest) -> list[Wire]:
    offered = {model.name: model for model in providers.offered(request.project)}
    return [_object(model.name, model.provider.label) for model in offered.values()] + [
        _object(alias.name, f"alias of {alias.model}")
        for alias in list_aliases(request.project)
        if alias.name not in offered
    ]


def _object(name: str, owner: str) -> Wire:
    # When a model was made is not known of most; clients insist on a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}

"""``/models``: the chat models that an assistant may use."""

from django.http import HttpResponse
from ninja import Router

from assistants.api.objects import Model, ModelList, answers
from assistants.api.replies import json_response
from assistants.api.request import ApiRequest
from assistants.errors import NotFound, Wire
from assistants.operations import providers
from assistants.operations.providers import ChatModel

router = Router(tags=["Models"])


@router.get("", response=answers(ModelList))
def list_models(request: ApiRequest) -> HttpResponse:
    """All models, in one list."""
    data = [_object(model) for model in providers.offered()]
    return json_response({"object": "list", "data": data})


@router.get("/{path:model}", response=answers(Model))
def get_model(request: ApiRequest, model: str) -> HttpResponse:
    """One model. Its id may hold slashes."""
    for known in providers.offered():
        if known.name == model:
            return json_response(_object(known))
    raise NotFound(f"The model '{model}' does not exist", param="model", code="model_not_found")


def _object(model: ChatModel) -> Wire:
    # When a model was made is not known of most; clients insist on a number.
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": model.provider.label,
    }

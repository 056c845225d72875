"""``/assistants``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api.objects import Assistant as AssistantObject
from assistants.api.objects import AssistantDeleted, AssistantPage, answers
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import Assistant
from assistants.operations import assistants
from assistants.params import AssistantCreate, AssistantUpdate, ListParams

router = Router(tags=["Assistants"])


def find(request: ApiRequest, assistant_id: str) -> Assistant:
    return Assistant.objects.in_project(request.project).fetch(assistant_id)


@router.post("", response=answers(AssistantObject))
def create_assistant(request: ApiRequest, params: AssistantCreate) -> HttpResponse:
    """Create an assistant with a model and instructions."""
    first = request.dialect.first
    return reply(request, assistants.create(request.project, params, one_list=first))


@router.get("", response=answers(AssistantPage))
def list_assistants(request: ApiRequest, params: Query[ListParams]) -> HttpResponse:
    """The project's assistants, the newest first unless ``order`` says otherwise."""
    return reply_page(request, Assistant.objects.in_project(request.project), params)


@router.get("/{assistant_id}", response=answers(AssistantObject))
def get_assistant(request: ApiRequest, assistant_id: str) -> HttpResponse:
    """One assistant."""
    return reply(request, find(request, assistant_id))


@router.post("/{assistant_id}", response=answers(AssistantObject))
def modify_assistant(
    request: ApiRequest, assistant_id: str, params: AssistantUpdate | None = None
) -> HttpResponse:
    """Change the named fields; null clears one, ``metadata`` replaces the whole map."""
    found, changes = find(request, assistant_id), params or AssistantUpdate()
    return reply(request, assistants.update(found, changes, one_list=request.dialect.first))


@router.delete("/{assistant_id}", response=answers(AssistantDeleted))
def delete_assistant(request: ApiRequest, assistant_id: str) -> HttpResponse:
    """Delete an assistant. Its threads and their messages stay."""
    assistants.delete(find(request, assistant_id))
    return json_response({"id": assistant_id, "object": "assistant.deleted", "deleted": True})

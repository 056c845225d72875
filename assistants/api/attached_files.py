"""``/assistants/{assistant_id}/files``, ``/threads/{thread_id}/messages/{message_id}/files``

That is where the first version of the API had files. The second knows no such addresses, and the
reference, which is of the second, does not show them.
"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants import refusals
from assistants.api import assistants, files, messages
from assistants.api.dialects.first import AssistantFileCreate
from assistants.api.replies import json_response, page
from assistants.api.request import ApiRequest
from assistants.errors import Wire
from assistants.models import Assistant, File, Message, clock
from assistants.operations import assistants as assistant_operations
from assistants.params import ListParams

router = Router()

OF_ASSISTANT = "/assistants/{assistant_id}/files"
OF_MESSAGE = "/threads/{thread_id}/messages/{message_id}/files"


@router.post(OF_ASSISTANT, include_in_schema=False)
def create_assistant_file(
    request: ApiRequest, assistant_id: str, params: AssistantFileCreate
) -> HttpResponse:
    """Let the assistant open a file."""
    assistant = assistants.find(request, assistant_id)
    file = files.find(request, params.file_id)
    assistant_operations.attach_file(assistant, file)
    return json_response(_object(assistant, file))


@router.get(OF_ASSISTANT, include_in_schema=False)
def list_assistant_files(
    request: ApiRequest, assistant_id: str, params: Query[ListParams]
) -> HttpResponse:
    """The files that the assistant may open."""
    return _page(request, assistants.find(request, assistant_id), params)


@router.get(OF_ASSISTANT + "/{file_id}", include_in_schema=False)
def get_assistant_file(request: ApiRequest, assistant_id: str, file_id: str) -> HttpResponse:
    """One of them."""
    return _one(request, assistants.find(request, assistant_id), file_id)


@router.delete(OF_ASSISTANT + "/{file_id}", include_in_schema=False)
def delete_assistant_file(request: ApiRequest, assistant_id: str, file_id: str) -> HttpResponse:
    """Take a file from the assistant; the file itself stays."""
    assistant_operations.detach_file(assistants.find(request, assistant_id), file_id)
    return json_response({"id": file_id, "object": "assistant.file.deleted", "deleted": True})


@router.get(OF_MESSAGE, include_in_schema=False)
def list_message_files(
    request: ApiRequest, thread_id: str, message_id: str, params: Query[ListParams]
) -> HttpResponse:
    """The files that came with the message."""
    return _page(request, messages.find(request, thread_id, message_id), params)


@router.get(OF_MESSAGE + "/{file_id}", include_in_schema=False)
def get_message_file(
    request: ApiRequest, thread_id: str, message_id: str, file_id: str
) -> HttpResponse:
    """One of them."""
    return _one(request, messages.find(request, thread_id, message_id), file_id)


def _page(request: ApiRequest, holder: Assistant | Message, params: ListParams) -> HttpResponse:
    found = File.objects.in_project(request.project).filter(pk__in=_file_ids(holder))
    return json_response(page(found, params, lambda file: _object(holder, file)))


def _one(request: ApiRequest, holder: Assistant | Message, file_id: str) -> HttpResponse:
    if file_id not in _file_ids(holder):
        raise refusals.not_found("file", file_id)
    return json_response(_object(holder, files.find(request, file_id)))


def _file_ids(holder: Assistant | Message) -> list[str]:
    if isinstance(holder, Assistant):
        return holder.code_interpreter_file_ids
    return [attachment["file_id"] for attachment in holder.attachments]


def _object(holder: Assistant | Message, file: File) -> Wire:
    """The file as something of its holder. When it was given to it is not kept, so its own time of
    creation stands for that.
    """
    assistant = isinstance(holder, Assistant)
    return {
        "id": file.id,
        "object": "assistant.file" if assistant else "thread.message.file",
        "created_at": clock.unix(file.created_at),
        "assistant_id" if assistant else "message_id": holder.id,
    }

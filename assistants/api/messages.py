"""``/threads/{thread_id}/messages``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api import threads
from assistants.api.objects import Message as MessageObject
from assistants.api.objects import MessageDeleted, MessagePage, ModifiedMessage, answers
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import Message, Run
from assistants.operations import messages
from assistants.params import MessageCreate, MessageListParams, MetadataUpdate

router = Router(tags=["Messages"])


def find(request: ApiRequest, thread_id: str, message_id: str) -> Message:
    return threads.find(request, thread_id).messages.fetch(message_id)


@router.post("/threads/{thread_id}/messages", response=answers(MessageObject))
def create_message(request: ApiRequest, thread_id: str, params: MessageCreate) -> HttpResponse:
    """Add a message. Not while a run of the thread is active."""
    return reply(request, messages.create(threads.find(request, thread_id), params))


@router.get("/threads/{thread_id}/messages", response=answers(MessagePage))
def list_messages(
    request: ApiRequest, thread_id: str, params: Query[MessageListParams]
) -> HttpResponse:
    """The thread's messages, the newest first unless ``order`` says otherwise; those of one run
    with ``run_id``.
    """
    found = threads.find(request, thread_id).messages.all()
    if params.run_id:
        Run.check_id(params.run_id)
        found = found.filter(run_id=params.run_id)
    return reply_page(request, found, params)


@router.get("/threads/{thread_id}/messages/{message_id}", response=answers(MessageObject))
def get_message(request: ApiRequest, thread_id: str, message_id: str) -> HttpResponse:
    """One message."""
    return reply(request, find(request, thread_id, message_id))


@router.post("/threads/{thread_id}/messages/{message_id}", response=answers(ModifiedMessage))
def modify_message(
    request: ApiRequest, thread_id: str, message_id: str, params: MetadataUpdate | None = None
) -> HttpResponse:
    """Replace the message's metadata."""
    message = messages.update(find(request, thread_id, message_id), params or MetadataUpdate())
    # Recordings show this field of the first version here, and here alone.
    return reply(request, {**message.to_dict(), "file_ids": []})


@router.delete("/threads/{thread_id}/messages/{message_id}", response=answers(MessageDeleted))
def delete_message(request: ApiRequest, thread_id: str, message_id: str) -> HttpResponse:
    """Take the message out of its thread."""
    message = find(request, thread_id, message_id)
    deleted = messages.deleted(message)
    messages.delete(message)
    return json_response(deleted)

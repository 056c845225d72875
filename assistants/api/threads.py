"""``/threads``"""

from django.http import HttpResponse
from ninja import Router

from assistants.api.objects import Thread as ThreadObject
from assistants.api.objects import ThreadDeleted, answers
from assistants.api.replies import json_response, reply
from assistants.api.request import ApiRequest
from assistants.errors import Wire
from assistants.models import Thread
from assistants.operations import threads
from assistants.params import ThreadCreate, ThreadUpdate

router = Router(tags=["Threads"])


def find(request: ApiRequest, thread_id: str) -> Thread:
    return Thread.objects.in_project(request.project).fetch(thread_id)


def spelled_out(wire: Wire) -> Wire:
    """A thread with the files of its code interpreter even where there are none, as recordings show
    it outside the answers to those who create or change it.
    """
    resources = {"code_interpreter": {"file_ids": []}, **wire["tool_resources"]}
    return {**wire, "tool_resources": resources}


@router.post("", response=answers(ThreadObject))
def create_thread(request: ApiRequest, params: ThreadCreate | None = None) -> HttpResponse:
    """Create a thread, with its first messages if any are given. The body may be empty."""
    return reply(request, threads.create(request.project, params))


@router.get("/{thread_id}", response=answers(ThreadObject))
def get_thread(request: ApiRequest, thread_id: str) -> HttpResponse:
    """One thread."""
    return reply(request, spelled_out(find(request, thread_id).to_dict()))


@router.post("/{thread_id}", response=answers(ThreadObject))
def modify_thread(
    request: ApiRequest, thread_id: str, params: ThreadUpdate | None = None
) -> HttpResponse:
    """Change the named fields; ``metadata`` replaces the whole map."""
    return reply(request, threads.update(find(request, thread_id), params or ThreadUpdate()))


@router.delete("/{thread_id}", response=answers(ThreadDeleted))
def delete_thread(request: ApiRequest, thread_id: str) -> HttpResponse:
    """Delete a thread with its messages and runs."""
    thread = find(request, thread_id)
    deleted = threads.deleted(thread)
    threads.delete(thread)
    return json_response(deleted)

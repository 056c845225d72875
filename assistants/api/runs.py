"""``/threads/{thread_id}/runs`` and ``/threads/runs``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api import assistants, streaming, threads
from assistants.api.objects import Run as RunObject
from assistants.api.objects import RunPage, answers
from assistants.api.replies import reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import Run
from assistants.operations import runs
from assistants.params import (
    IncludeParams,
    ListParams,
    MetadataUpdate,
    RunCreate,
    ThreadAndRunCreate,
    ToolOutputsSubmit,
)

router = Router(tags=["Runs"])

STREAMS = {
    "responses": {
        200: {
            "description": "The run, or with `stream` its events as Server-Sent Events, up to "
            "`event: done`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
}
"""For the reference: the other form that the answer may have."""

POLL_AFTER_MS = 250
"""How soon a client that polls is told to ask again for a run that goes on."""


def find(request: ApiRequest, thread_id: str, run_id: str) -> Run:
    return threads.find(request, thread_id).runs.fetch(run_id)


@router.post("/threads/runs", response=answers(RunObject), openapi_extra=STREAMS)
def create_thread_and_run(request: ApiRequest, params: ThreadAndRunCreate) -> HttpResponse:
    """Create a thread and run an assistant on it. With ``stream`` the answer is the stream of the
    run's events.
    """
    assistant = assistants.find(request, params.assistant_id)
    place = streaming.before_a_new_thread()
    _, run = runs.create_with_thread(request.project, assistant, params)
    return streaming.follow(request, run, place) if params.stream else reply(request, run)


@router.post("/threads/{thread_id}/runs", response=answers(RunObject), openapi_extra=STREAMS)
def create_run(
    request: ApiRequest, thread_id: str, params: RunCreate, asked: Query[IncludeParams]
) -> HttpResponse:
    """Run an assistant on the thread. With ``stream`` the answer is the stream of the run's
    events.
    """
    thread = threads.find(request, thread_id)
    assistant = assistants.find(request, params.assistant_id)
    place = streaming.here(thread) if params.stream else None
    run = runs.create(thread, assistant, params)
    if place is None:
        return reply(request, run)
    return streaming.follow(request, run, place, result_content=asked.result_content)


@router.get("/threads/{thread_id}/runs", response=answers(RunPage))
def list_runs(request: ApiRequest, thread_id: str, params: Query[ListParams]) -> HttpResponse:
    """The thread's runs, the newest first unless ``order`` says otherwise."""
    return reply_page(request, threads.find(request, thread_id).runs.all(), params)


@router.get("/threads/{thread_id}/runs/{run_id}", response=answers(RunObject))
def get_run(request: ApiRequest, thread_id: str, run_id: str) -> HttpResponse:
    """One run. While it is active, the header ``openai-poll-after-ms`` says when to ask again."""
    run = find(request, thread_id, run_id)
    response = reply(request, run)
    if run.is_active:
        response["openai-poll-after-ms"] = str(POLL_AFTER_MS)
    return response


@router.post("/threads/{thread_id}/runs/{run_id}", response=answers(RunObject))
def modify_run(
    request: ApiRequest, thread_id: str, run_id: str, params: MetadataUpdate | None = None
) -> HttpResponse:
    """Replace the metadata of a run that has ended."""
    return reply(request, runs.update(find(request, thread_id, run_id), params or MetadataUpdate()))


@router.post("/threads/{thread_id}/runs/{run_id}/cancel", response=answers(RunObject))
def cancel_run(request: ApiRequest, thread_id: str, run_id: str) -> HttpResponse:
    """Ask for the end of a run. It is ``cancelling`` until it has let go."""
    return reply(request, runs.cancel(find(request, thread_id, run_id)))


@router.post(
    "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
    response=answers(RunObject),
    openapi_extra=STREAMS,
)
def submit_tool_outputs(
    request: ApiRequest, thread_id: str, run_id: str, params: ToolOutputsSubmit
) -> HttpResponse:
    """Hand in the outputs of all calls that the run waits for. With ``stream`` the answer is the
    stream of the events from here on.
    """
    run = find(request, thread_id, run_id)
    place = streaming.here(run.thread) if params.stream else None
    run = runs.submit_tool_outputs(run, params)
    return streaming.follow(request, run, place) if place else reply(request, run)

"""``/threads/{thread_id}/runs/{run_id}/steps``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api import runs
from assistants.api.objects import RunStep as RunStepObject
from assistants.api.objects import RunStepPage, answers
from assistants.api.replies import reply, reply_page
from assistants.api.request import ApiRequest
from assistants.params import ListParams

router = Router(tags=["Run steps"])


@router.get("/threads/{thread_id}/runs/{run_id}/steps", response=answers(RunStepPage))
def list_run_steps(
    request: ApiRequest, thread_id: str, run_id: str, params: Query[ListParams]
) -> HttpResponse:
    """What the run did, the newest first unless ``order`` says otherwise."""
    steps = runs.find(request, thread_id, run_id).steps.select_related("run")
    return reply_page(request, steps, params)


@router.get("/threads/{thread_id}/runs/{run_id}/steps/{step_id}", response=answers(RunStepObject))
def get_run_step(request: ApiRequest, thread_id: str, run_id: str, step_id: str) -> HttpResponse:
    """One step of a run."""
    steps = runs.find(request, thread_id, run_id).steps.select_related("run")
    return reply(request, steps.fetch(step_id))

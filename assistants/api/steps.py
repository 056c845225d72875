"""``/threads/{thread_id}/runs/{run_id}/steps``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api import dialects, include, runs
from assistants.api.objects import RunStep as RunStepObject
from assistants.api.objects import RunStepPage, answers
from assistants.api.replies import json_response, page, reply
from assistants.api.request import ApiRequest
from assistants.errors import Wire
from assistants.models import RunStep
from assistants.params import IncludeParams, StepListParams

router = Router(tags=["Run steps"])


@router.get("/threads/{thread_id}/runs/{run_id}/steps", response=answers(RunStepPage))
def list_run_steps(
    request: ApiRequest, thread_id: str, run_id: str, params: Query[StepListParams]
) -> HttpResponse:
    """What the run did, the newest first unless ``order`` says otherwise."""
    steps = runs.find(request, thread_id, run_id).steps.select_related("run")

    def shown(step: RunStep) -> Wire:
        wire = include.step(step.to_dict(), result_content=params.result_content)
        return dialects.spoken(request.dialect, wire)

    return json_response(page(steps, params, shown))


@router.get("/threads/{thread_id}/runs/{run_id}/steps/{step_id}", response=answers(RunStepObject))
def get_run_step(
    request: ApiRequest, thread_id: str, run_id: str, step_id: str, params: Query[IncludeParams]
) -> HttpResponse:
    """One step of a run."""
    steps = runs.find(request, thread_id, run_id).steps.select_related("run")
    found = steps.fetch(step_id, "step_id").to_dict()
    return reply(request, include.step(found, result_content=params.result_content))

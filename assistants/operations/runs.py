"""Runs as seen from outside: starting, changing and cancelling them, handing in tool outputs.

What the worker does with a run is in ``execution``, how it ends in ``endings``, what is looked
after every few seconds in ``sweep``. See docs/architecture.md, "The life of a run".
"""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from assistants import acting, doorbell, refusals
from assistants.errors import Wire
from assistants.events import control, log
from assistants.events.log import Event
from assistants.models import Assistant, Project, Run, RunStatus, StepStatus, Thread, clock
from assistants.operations import (
    assistants,
    audit,
    budgets,
    messages,
    providers,
    threads,
    tool_resources,
    upstream_mirrors,
    versions,
)
from assistants.operations.endings import Partial, end, publish
from assistants.operations.providers import ChatModel
from assistants.params import (
    MetadataUpdate,
    RunCreate,
    ThreadAndRunCreate,
    ThreadCreate,
    ToolOutputsSubmit,
    validate,
)
from assistants.params.run import RunOptions
from assistants.params.tools import ToolResources

EXPIRES_AFTER = timedelta(seconds=600)
MAX_SHOWN = 128
"""So many ids of calls a refusal repeats: as many as a run has tools."""
MAX_OUTPUT_BYTES = 512 * 1024
OVERRIDES = (
    *("model", "instructions", "additional_instructions", "tools", "tool_choice"),
    *("temperature", "top_p", "reasoning_effort", "response_format", "parallel_tool_calls"),
    *("max_prompt_tokens", "max_completion_tokens", "truncation_strategy"),
)
"""What a run can have otherwise than its assistant."""


def create(thread: Thread, assistant: Assistant, params: RunCreate) -> Run:
    """Queue a run of the assistant on the thread.

    :raises ThreadLocked: another run is active on the thread
    :raises Invalid: the model does not exist, or the tool choice names a tool that the run does not
        have
    :raises OutOfQuota: a budget of the project, or of the key that asks, is used up
    """
    # Before the transaction: a provider may be asked for its models, and others wait for the lock.
    model = _model(assistant, params.model, assistant.project)
    instructions = assistant.instructions if params.instructions is None else params.instructions
    if params.additional_instructions:
        instructions = "\n".join(filter(None, [instructions, params.additional_instructions]))
    with transaction.atomic():
        # Whoever adds a message or a run locks this row first, so check and insert are one.
        thread = Thread.objects.select_for_update().get(pk=thread.pk)
        if active := thread.runs.active().values_list("pk", flat=True).first():
            raise refusals.RUN_ACTIVE(thread_id=thread.id, run_id=active)
        for message in params.additional_messages or []:
            messages.append(thread, message)
        return _queue(thread, assistant, params, instructions, model)


def create_with_thread(
    project: Project, assistant: Assistant, params: ThreadAndRunCreate
) -> tuple[Thread, Run]:
    """A new thread and a run on it, in one step.

    :raises Invalid: as ``create``
    :raises NotFound: a file that the thread or its messages name is not there
    """
    model = _model(assistant, params.model, project)
    given = params.thread or ThreadCreate()
    if params.tool_resources is not None:
        resources = validate(ToolResources, params.tool_resources.given())
        given = given.model_copy(update={"tool_resources": resources})
    instructions = assistant.instructions if params.instructions is None else params.instructions
    with transaction.atomic():
        thread = threads.create(project, given)
        return thread, _queue(thread, assistant, params, instructions, model)


def replace(run: Run, assistant: Assistant) -> tuple[Run, list[str]]:
    """Run again in place of a thread's last run, with what that was given otherwise than its
    assistant. Its messages go out of the thread; the run itself keeps them, and has them back there
    should the new one end without any.

    :returns: the new run, and the ids of the messages that went
    :raises ThreadLocked: a run is active on the thread
    :raises Invalid: as ``create``, or a message was added since: an answer that was answered stays
    """
    params = validate(RunCreate, {"assistant_id": assistant.id, **run.overrides})
    with transaction.atomic():
        thread = Thread.objects.select_for_update().get(pk=run.thread_id)
        # Before anything goes: what is being written is not to be replaced.
        if active := thread.runs.active().values_list("pk", flat=True).first():
            raise refusals.RUN_ACTIVE(thread_id=thread.id, run_id=active)
        newest = thread.messages.newest_first().first()
        if newest is None or newest.run_id != run.pk:
            raise refusals.ANSWER_NOT_LAST(run_id=run.pk)
        gone = versions.set_aside(run)
        again = create(thread, assistant, params)
        again.replaces = run.pk
        again.save(update_fields=["replaces"])
        versions.put_in_place(again, run)
        return again, gone


def _model(assistant: Assistant, named: str | None, project: Project) -> ChatModel | None:
    """The model that will answer; None where the assistant lives elsewhere, which knows its own.

    :raises Invalid: there is none of that name
    """
    return None if assistant.home else providers.resolve(named or assistant.model, project)


def _label(assistant: Assistant) -> str:
    return assistant.home.provider.label if assistant.home else ""


def _queue(
    thread: Thread,
    assistant: Assistant,
    params: RunOptions,
    instructions: str | None,
    model: ChatModel | None,
) -> Run:
    given = params.model_dump(mode="json", by_alias=True)
    tools = assistant.tools if given["tools"] is None else given["tools"]
    assistants.check_function_names(tools)
    tool_choice = given["tool_choice"] or "auto"
    _check_tool_choice(tool_choice, tools)

    def chosen(name: str, fallback: Any) -> Any:
        return fallback if given[name] is None else given[name]

    run = Run(
        thread=thread,
        assistant_id=assistant.id,
        model=params.model or assistant.model,
        answered_by=model.name if model else _label(assistant),
        instructions=instructions,
        tools=tools,
        tool_resources=tool_resources.of_run(assistant, thread),
        metadata=given["metadata"] or {},
        temperature=chosen("temperature", assistant.temperature),
        top_p=chosen("top_p", assistant.top_p),
        reasoning_effort=chosen("reasoning_effort", assistant.reasoning_effort),
        max_prompt_tokens=given["max_prompt_tokens"],
        max_completion_tokens=given["max_completion_tokens"],
        truncation_strategy=chosen("truncation_strategy", {"type": "auto", "last_messages": None}),
        response_format=chosen("response_format", assistant.response_format),
        tool_choice=tool_choice,
        parallel_tool_calls=chosen("parallel_tool_calls", True),
        created_by=acting.current().kept,
        overrides={name: given[name] for name in OVERRIDES if given.get(name) is not None},
        key_id=acting.current().key_id,
    )
    budgets.admit(run, assistant.project, is_elsewhere=bool(assistant.home))
    run.expires_at = run.created_at + EXPIRES_AFTER
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            if assistant.home:
                upstream_mirrors.begin(run, assistant.home)
    except IntegrityError as error:
        # The constraint is the last word, should the database not honour the row lock.
        active = thread.runs.active().first()
        run_id = active.id if active else ""
        raise refusals.RUN_ACTIVE(thread_id=thread.id, run_id=run_id) from error
    Thread.objects.filter(pk=thread.pk).update(active_at=run.created_at, assistant_id=assistant.id)
    publish(run, "thread.run.created", "thread.run.queued")
    doorbell.ring(doorbell.EXECUTE_RUN, run.id)
    return run


def _check_tool_choice(tool_choice: str | Wire, tools: list[Wire]) -> None:
    if isinstance(tool_choice, str):
        return
    if tool_choice["type"] == "function":
        name = tool_choice["function"]["name"]
        there = any(
            tool["type"] == "function" and tool["function"]["name"] == name for tool in tools
        )
    else:
        name = tool_choice["type"]
        there = any(tool["type"] == name for tool in tools)
    if not there:
        raise refusals.TOOL_NOT_THERE(name=name)


@transaction.atomic
def update(run: Run, params: MetadataUpdate) -> Run:
    """Change the metadata of a run that has ended.

    :raises Invalid: it is active
    """
    row = Run.objects.select_for_update().get(pk=run.pk)
    if row.is_active:
        raise refusals.RUN_NOT_TO_UPDATE(status=row.status)
    given = params.model_dump(exclude_unset=True)
    if "metadata" in given:
        row.metadata = given["metadata"] or {}
        row.save(update_fields=["metadata"])
    return row


@transaction.atomic
def cancel(run: Run) -> Run:
    """Ask for the end of a run; it is ``cancelling`` until its worker has let go. One that no
    worker holds ends at once.

    Where a cancel meets the completion, whichever commits first wins.

    :raises Invalid: it has ended already, or is being cancelled
    """
    row = Run.objects.select_for_update().get(pk=run.pk)
    if row.status not in (RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.REQUIRES_ACTION):
        raise refusals.RUN_NOT_TO_CANCEL(status=row.status)
    held = row.status == RunStatus.IN_PROGRESS
    row.status = RunStatus.CANCELLING
    row.required_action = None
    row.save(update_fields=["status", "required_action"])
    publish(row, "thread.run.cancelling")
    audit.note("run.cancelled", row.thread.project_id, row, thread=row.thread_id)
    if held:
        control.cancel(row.id)
        return row
    asked = Run.objects.get(pk=row.pk)
    end(row, RunStatus.CANCELLED, Partial())
    if row.mirrored:
        doorbell.ring(doorbell.END_UPSTREAM, row.id)
    return asked


def submit_tool_outputs(run: Run, params: ToolOutputsSubmit) -> Run:
    """Hand in the output of every pending call; the run goes back to the queue.

    :raises Invalid: the run waits for none, its time is over, an id is missing or unknown, or they
        are too large
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        waits = row.status == RunStatus.REQUIRES_ACTION
        if not (waits and row.expires_at and row.expires_at <= clock.now()):
            return _take_outputs(row, params)
        # The sweep has not come by yet.
        end(row, RunStatus.EXPIRED, Partial())
    raise refusals.RUN_WANTS_NO_OUTPUTS(status=row.status)


def _take_outputs(row: Run, params: ToolOutputsSubmit) -> Run:
    if row.status != RunStatus.REQUIRES_ACTION:
        raise refusals.RUN_WANTS_NO_OUTPUTS(status=row.status)
    outputs = {given.tool_call_id: given.output for given in params.tool_outputs}
    calls = (row.required_action or {})["submit_tool_outputs"]["tool_calls"]
    expected = [call["id"] for call in calls]
    got = [given.tool_call_id for given in params.tool_outputs]
    if sorted(got) != sorted(expected):
        shown = [refusals.echoed(call_id) for call_id in got[:MAX_SHOWN]]
        shown += ["…"] if len(got) > MAX_SHOWN else []
        raise refusals.OTHER_CALLS(expected=expected, got=shown)
    if sum(len(output.encode()) for output in outputs.values()) >= MAX_OUTPUT_BYTES:
        raise refusals.OUTPUTS_TOO_LARGE()
    step = row.steps.filter(status=StepStatus.IN_PROGRESS, type="tool_calls").newest_first()[0]
    for call in step.step_details["tool_calls"]:
        if call["id"] in outputs:
            call["function"]["output"] = outputs[call["id"]]
    now = clock.now()
    step.status = StepStatus.COMPLETED
    step.completed_at = step.ended_at = now
    step.save()
    row.status, row.queued_at = RunStatus.QUEUED, now
    row.required_action = None
    row.lease, row.lease_until = "", None
    row.save(update_fields=["status", "queued_at", "required_action", "lease", "lease_until"])
    done = Event.of("thread.run.step.completed", step.to_dict(), row.id)
    log.publish(row.thread_id, [done])
    publish(row, "thread.run.queued")
    doorbell.ring(doorbell.EXECUTE_RUN, row.id)
    return row

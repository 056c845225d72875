"""The life of a run without a worker: who may change what, and that every path has one end."""

import json
import logging
import threading
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
import redis
from django.db import connection
from pytest_django import Settings

from assistants import doorbell, log_ids
from assistants.errors import Invalid, ThreadLocked
from assistants.events import log
from assistants.models import Message, Run, RunStatus, clock
from assistants.operations import (
    assistants,
    endings,
    execution,
    files,
    messages,
    queue,
    runs,
    steps,
    sweep,
    threads,
)
from assistants.operations.endings import Partial
from assistants.operations.execution import LeaseLost
from assistants.params import (
    AssistantUpdate,
    MessageCreate,
    MetadataUpdate,
    ToolOutputsSubmit,
    validate,
)
from playground.logs import JsonFormatter
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.django_db(transaction=True)

WEATHER = {"type": "function", "function": {"name": "weather"}}
HELLO = validate(MessageCreate, {"role": "user", "content": "Hello"})
TERMINAL = {f"thread.run.{name}" for name in ("completed", "failed", "cancelled", "expired")} | {
    "thread.run.incomplete"
}


def claimed() -> Run:
    run = execution.claim(make_run(make_thread(None, "Hi"), make_assistant()).id)
    assert run is not None
    return run


def names(run: Run) -> list[str]:
    return [entry.name for entry in log.read(run.thread_id) if entry.run == run.id]


def lose_lease(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=clock.now() - timedelta(seconds=1))


def test_a_new_run_is_queued_and_takes_what_it_does_not_name_from_the_assistant() -> None:
    assistant = make_assistant(instructions="Be brief.", temperature=0.5)
    run = make_run(make_thread(None, "Hi"), assistant, additional_instructions="In rhyme.")

    assert run.status == RunStatus.QUEUED
    assert run.instructions == "Be brief.\nIn rhyme."
    assert run.temperature == 0.5
    assert run.expires_at == run.created_at + timedelta(seconds=600)
    assert names(run) == ["thread.run.created", "thread.run.queued"]


def test_an_active_run_locks_its_thread_in_the_services_words() -> None:
    thread, assistant = make_thread(None, "Hi"), make_assistant()
    run = make_run(thread, assistant)

    with pytest.raises(ThreadLocked) as refused:
        messages.create(thread, HELLO)
    assert refused.value.message == (
        f"Can't add messages to {thread.id} while a run {run.id} is active."
    )
    with pytest.raises(ThreadLocked) as refused:
        make_run(thread, assistant)
    assert refused.value.message == f"Thread {thread.id} already has an active run {run.id}."
    assert refused.value.status == 400

    runs.cancel(run)
    messages.create(thread, HELLO)
    make_run(thread, assistant)


def test_of_many_who_start_a_run_at_once_exactly_one_does() -> None:
    thread, assistant = make_thread(None, "Hi"), make_assistant()
    started: list[str] = []
    refused: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        try:
            started.append(make_run(thread, assistant).id)
        except ThreadLocked as error:
            refused.append(error.message)
        finally:
            connection.close()

    writers = [threading.Thread(target=start) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(started) == 1
    assert set(refused) == {f"Thread {thread.id} already has an active run {started[0]}."}


def test_only_one_worker_claims_a_run() -> None:
    run = make_run(make_thread(None, "Hi"), make_assistant())

    first, second = execution.claim(run.id), execution.claim(run.id)

    assert first is not None
    assert first.status == RunStatus.IN_PROGRESS
    assert first.started_at is not None
    assert second is None


def test_a_worker_that_lost_its_lease_can_write_nothing() -> None:
    run = claimed()
    step, message = steps.begin_message(run)
    lose_lease(run)
    assert sweep.reap() == 1

    with pytest.raises(LeaseLost):
        steps.finish_message(run, step, message, [], None)
    with pytest.raises(LeaseLost):
        execution.complete(run)
    with pytest.raises(LeaseLost):
        steps.begin_tool_calls(run)
    assert execution.renew({run.id: run.lease}).lost == {run.id}


def test_a_lost_run_of_which_nothing_was_visible_goes_back_to_the_queue() -> None:
    run = claimed()
    lose_lease(run)

    assert sweep.reap() == 1

    again = execution.claim(run.id)
    assert again is not None
    assert again.lease != run.lease


def test_what_becomes_of_lost_runs_is_in_the_log_with_their_ids() -> None:
    begun, unseen = claimed(), claimed()
    steps.begin_message(begun)
    lose_lease(begun)
    lose_lease(unseen)
    handler = logging.StreamHandler(told := StringIO())
    handler.setFormatter(JsonFormatter())
    logging.getLogger(sweep.__name__).addHandler(handler)
    before = log_ids.ids.get()
    try:
        sweep.reap()
    finally:
        logging.getLogger(sweep.__name__).removeHandler(handler)

    lines = {line["run"]: line for line in map(json.loads, told.getvalue().splitlines())}
    assert lines.keys() == {begun.id, unseen.id}
    for run, status in ((begun, "failed"), (unseen, "queued")):
        line = lines[run.id]
        assert (line["level"], line["thread"]) == ("warning", run.thread_id)
        assert line["message"] == (
            f"the worker of {run.id} in {run.thread_id} fell silent, so the run is {status} now"
        )
    assert log_ids.ids.get() == before


def test_a_lost_run_that_had_begun_to_answer_fails_and_keeps_what_was_written() -> None:
    run = claimed()
    step, message = steps.begin_message(run)
    delta = {"index": 0, "type": "text", "text": {"value": "Half an ans", "annotations": []}}
    data = {"id": message.id, "object": "thread.message.delta", "delta": {"content": [delta]}}
    log.publish(run.thread_id, [log.Event.of("thread.message.delta", data, run.id)])
    lose_lease(run)

    sweep.reap()

    run.refresh_from_db()
    message.refresh_from_db()
    step.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.last_error["code"] == "server_error"
    assert message.text == "Half an ans"
    assert message.to_dict()["incomplete_details"] == {"reason": "run_failed"}
    assert step.status == "failed"
    assert names(run)[-3:] == [
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
    ]
    messages.create(run.thread, HELLO)


def test_a_message_of_which_nothing_is_known_any_more_keeps_its_figures() -> None:
    run = claimed()
    figure = {"type": "image", "image": {"file_id": "file-plot"}}
    code = {"input": "plot()", "outputs": [figure]}
    call = {"id": "call_1", "type": "code_interpreter", "code_interpreter": code}
    steps.finish_tool_calls(run, steps.begin_tool_calls(run), [call], None, {}, {})
    _, message = steps.begin_message(run)
    lose_lease(run)

    sweep.reap()

    message.refresh_from_db()
    image, text = message.content
    assert image["image_file"]["file_id"] == "file-plot"
    assert text["text"] == {"value": "", "annotations": []}


def test_cancelling_a_queued_run_ends_it_at_once() -> None:
    run = make_run(make_thread(None, "Hi"), make_assistant())

    assert runs.cancel(run).status == RunStatus.CANCELLING

    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert run.cancelled_at is not None
    assert run.expires_at is None
    assert names(run)[2:] == ["thread.run.cancelling", "thread.run.cancelled"]


def test_cancelling_a_run_that_a_worker_holds_waits_for_the_worker() -> None:
    run = claimed()
    step, message = steps.begin_message(run)

    assert runs.cancel(run).status == RunStatus.CANCELLING
    assert execution.renew({run.id: run.lease}).cancelling == {run.id}

    text = [{"type": "text", "text": {"value": "Half", "annotations": []}}]
    execution.end_early(run, RunStatus.CANCELLED, Partial({message.id: text}))

    message.refresh_from_db()
    step.refresh_from_db()
    assert message.text == "Half"
    assert message.incomplete_reason == "run_cancelled"
    assert step.status == "cancelled"


def test_where_a_cancel_meets_the_completion_there_is_one_end() -> None:
    run = claimed()
    runs.cancel(run)

    assert execution.complete(run) == RunStatus.CANCELLED

    assert [name for name in names(run) if name in TERMINAL] == ["thread.run.cancelled"]
    run.refresh_from_db()
    with pytest.raises(Invalid, match="Cannot cancel run with status 'cancelled'"):
        runs.cancel(run)


def test_a_cancelling_run_whose_worker_died_is_cancelled_by_the_sweep() -> None:
    run = claimed()
    runs.cancel(run)
    lose_lease(run)

    sweep.reap()

    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_an_active_run_cannot_be_modified() -> None:
    run = make_run(make_thread(None, "Hi"), make_assistant())
    change = validate(MetadataUpdate, {"metadata": {"a": "b"}})

    with pytest.raises(Invalid, match="Cannot update run with status 'queued'"):
        runs.update(run, change)

    runs.cancel(run)
    assert runs.update(run, change).metadata == {"a": "b"}


def waiting_for_weather() -> tuple[Run, str]:
    assistant = make_assistant(tools=[WEATHER])
    run = execution.claim(make_run(make_thread(None, "Rain?"), assistant).id)
    assert run is not None
    step = steps.begin_tool_calls(run)
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}", "output": None},
    }
    execution.require_action(run, step, [call], None, {}, {})
    run.refresh_from_db()
    return run, step.id


def test_a_run_that_waits_for_functions_names_them() -> None:
    run, _ = waiting_for_weather()

    assert run.status == RunStatus.REQUIRES_ACTION
    assert run.required_action == {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ]
        },
    }


@pytest.mark.parametrize(
    "ids, message",
    [
        ([], "Expected tool outputs for call_ids ['call_1'], got []"),
        (["call_2"], "Expected tool outputs for call_ids ['call_1'], got ['call_2']"),
        (
            ["call_1", "call_2"],
            "Expected tool outputs for call_ids ['call_1'], got ['call_1', 'call_2']",
        ),
    ],
)
def test_tool_outputs_must_be_those_that_are_waited_for(ids: list[str], message: str) -> None:
    run, _ = waiting_for_weather()
    body = {"tool_outputs": [{"tool_call_id": name, "output": "dry"} for name in ids]}

    with pytest.raises(Invalid) as refused:
        runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))

    assert refused.value.message == message


def test_submitted_outputs_put_the_run_back_into_the_queue() -> None:
    run, step_id = waiting_for_weather()
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "dry"}]}

    queued = runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))

    assert queued.status == RunStatus.QUEUED
    assert queued.required_action is None
    assert queued.started_at == run.started_at
    step = queued.steps.get(pk=step_id)
    assert step.step_details["tool_calls"][0]["function"]["output"] == "dry"
    assert names(run)[-2:] == ["thread.run.step.completed", "thread.run.queued"]
    with pytest.raises(Invalid, match='Runs in status "queued" do not'):
        runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))


def test_the_time_in_the_queue_counts_from_the_last_time_that_a_run_was_queued() -> None:
    run, _ = waiting_for_weather()
    assert run.seconds_queued is not None
    Run.objects.update(created_at=run.created_at - timedelta(minutes=5))
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "dry"}]}
    queued = runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))
    queued.refresh_from_db()
    assert queued.seconds_queued is None

    again = execution.claim(run.id)

    assert again is not None
    assert again.seconds_queued is not None
    assert again.seconds_queued < 60


def test_cancelling_a_run_that_waits_for_functions_ends_it_at_once() -> None:
    run, step_id = waiting_for_weather()

    assert runs.cancel(run).status == RunStatus.CANCELLING

    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert run.required_action is None
    assert run.cancelled_at is not None
    assert run.steps.get(pk=step_id).status == "cancelled"
    assert names(run)[-3:] == [
        "thread.run.cancelling",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]


def test_too_large_outputs_are_refused() -> None:
    run, _ = waiting_for_weather()
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "x" * 512 * 1024}]}

    with pytest.raises(Invalid) as refused:
        runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))

    assert refused.value.code == "invalid_value"
    assert refused.value.message == (
        "'tool_outputs' too large: the combined tool outputs must be less than 512kb."
    )


def test_a_run_that_waits_past_its_time_expires_and_keeps_the_time() -> None:
    run, step_id = waiting_for_weather()
    Run.objects.filter(pk=run.pk).update(expires_at=clock.now())

    assert sweep.expire() == 1

    run.refresh_from_db()
    assert run.status == RunStatus.EXPIRED
    assert run.expires_at is not None
    assert run.steps.get(pk=step_id).status == "expired"


def test_outputs_that_come_too_late_are_refused_and_the_run_is_over() -> None:
    run, step_id = waiting_for_weather()
    Run.objects.filter(pk=run.pk).update(expires_at=clock.now())
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "Rain"}]}

    with pytest.raises(Invalid) as refused:
        runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))

    assert refused.value.message == 'Runs in status "expired" do not accept tool outputs.'
    run.refresh_from_db()
    assert run.status == RunStatus.EXPIRED
    assert run.steps.get(pk=step_id).status == "expired"


def test_a_long_queue_of_one_project_hides_no_run_of_another(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROJECT_RUNS = 2
    monkeypatch.setattr(queue, "MOST_RUNG", 3)
    assistant = make_assistant()
    begun, *waiting = [make_run(make_thread(None, "Hi"), assistant) for _ in range(5)]
    execution.claim(begun.id)
    other = make_project("Other")
    others = make_run(make_thread(other, "Hi"), make_assistant(other))
    Run.objects.update(queued_at=clock.now() - doorbell.UNHEARD)
    rung: list[str] = []
    monkeypatch.setattr(doorbell, "ring", lambda task, run_id: rung.append(run_id))

    assert sweep.ring_again() == 2
    assert set(rung) == {waiting[0].id, others.id}


def test_a_queued_run_that_nobody_heard_of_is_rung_again() -> None:
    run = make_run(make_thread(None, "Hi"), make_assistant())
    assert sweep.ring_again() == 0

    Run.objects.filter(pk=run.pk).update(queued_at=clock.now() - doorbell.UNHEARD)

    assert sweep.ring_again() == 1


def test_a_clock_that_is_set_back_keeps_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = claimed()
    waiting = make_run(make_thread(None, "Hi"), make_assistant())
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=5))
    assert sweep.set_right() > 0
    assert sweep.set_right() == 0

    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=5) + 2 * execution.LEASE)
    assert sweep.reap() == 1
    dead.refresh_from_db()
    assert dead.status == RunStatus.QUEUED
    assert sweep.ring_again() == 1, "the other was rung for when it was given back"
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=4))
    assert sweep.expire() == 2
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.EXPIRED


def test_a_clock_that_is_set_forward_ends_what_it_must_and_a_living_worker_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = claimed()
    step, message = steps.begin_message(run)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=5))
    assert sweep.reap() == 1
    with pytest.raises(LeaseLost):
        steps.finish_message(run, step, message, [], None)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert not run.thread.runs.active().exists()


def test_usage_of_a_run_is_the_sum_of_its_steps() -> None:
    run = claimed()
    for prompt, completion in ((830, 20), (1198, 30)):
        step, message = steps.begin_message(run)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        steps.finish_message(run, step, message, [], usage)
    execution.complete(run)

    run.refresh_from_db()
    assert run.usage["prompt_tokens"] == 2028
    assert run.usage["total_tokens"] == 2078
    assert Message.objects.filter(run_id=run.id, status="completed").count() == 2


def test_one_run_that_cannot_be_mended_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, sound = claimed(), claimed()
    for run in (broken, sound):
        steps.begin_message(run)
        lose_lease(run)
    written = endings.written

    def unreadable(run: Run) -> Partial:
        if run.id == broken.id:
            raise ValueError("its log is broken")
        return written(run)

    monkeypatch.setattr(sweep, "written", unreadable)

    assert sweep.reap() == 1

    sound.refresh_from_db()
    assert sound.status == RunStatus.FAILED


def test_a_thread_takes_no_more_than_20_files_through_attachments() -> None:
    project = make_project()
    made = [
        files.create(project, BytesIO(b"x"), filename=f"{number}.txt", purpose="assistants")
        for number in range(21)
    ]
    attachments = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]} for file in made]
    body = {"role": "user", "content": "Here", "attachments": attachments}

    with pytest.raises(Invalid) as refused:
        messages.create(make_thread(), validate(MessageCreate, body))

    assert refused.value.code == "array_above_max_length"


def test_tools_can_be_changed_after_a_file_was_deleted() -> None:
    project = make_project()
    file = files.create(project, BytesIO(b"x"), filename="a.txt", purpose="assistants")
    resources = {"code_interpreter": {"file_ids": [file.id]}}
    assistant = make_assistant(tools=[{"type": "code_interpreter"}], tool_resources=resources)
    files.delete(file)

    tools = [{"type": "code_interpreter"}, WEATHER]
    changed = assistants.update(assistant, validate(AssistantUpdate, {"tools": tools}))

    assert len(changed.tools) == 2


def test_the_log_of_a_deleted_thread_does_not_stay(redis_url: str) -> None:
    thread = make_thread(None, "Secret")
    key = log.key(thread.id)

    threads.delete(thread)

    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.ttl(key) <= 60


def test_a_project_with_all_its_places_taken_waits_and_others_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROJECT_RUNS = 2
    rung: list[str] = []
    monkeypatch.setattr(doorbell, "_send", lambda _task, ids: rung.append(ids[0]))
    many = [make_run(make_thread(None, "Hi"), make_assistant()) for _ in range(4)]
    project = make_project("Another")
    other = make_run(make_thread(project, "Hi"), make_assistant(project))

    first, second = (execution.claim(run.id) for run in many[:2])
    assert first is not None
    assert second is not None
    assert execution.claim(many[2].id) is None
    assert execution.claim(other.id) is not None
    many[2].refresh_from_db()
    assert many[2].status == RunStatus.QUEUED
    assert [queue.before(run) for run in many[2:]] == [0, 1]

    rung.clear()
    execution.complete(first)
    assert rung == [many[2].id]
    assert execution.claim(many[2].id) is not None
    assert execution.claim(many[3].id) is None
    settings.PROJECT_RUNS = 0
    assert execution.claim(many[3].id) is not None

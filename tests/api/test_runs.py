"""``/threads/{thread_id}/runs`` and their steps through the SDK; a played worker executes them."""

from typing import Any

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.beta import Assistant, Thread

from assistants.models import Run
from tests.api.worker import USAGE, Worker

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

FUNCTION: Any = {"type": "function", "function": {"name": "add"}}


@pytest.fixture
def assistant(client: OpenAI) -> Assistant:
    return client.beta.assistants.create(
        model="demo", instructions="Be brief.", tools=[{"type": "code_interpreter"}, FUNCTION]
    )


@pytest.fixture
def thread(client: OpenAI) -> Thread:
    return client.beta.threads.create(messages=[{"role": "user", "content": "What is 2 + 2?"}])


def test_a_run_begins_queued_with_every_key(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert run.to_dict() == {
        "id": run.id,
        "object": "thread.run",
        "created_at": run.created_at,
        "assistant_id": assistant.id,
        "thread_id": thread.id,
        "status": "queued",
        "started_at": None,
        "expires_at": run.created_at + 600,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": "demo",
        "instructions": "Be brief.",
        "tools": assistant.to_dict()["tools"],
        "tool_resources": {"code_interpreter": {"file_ids": []}},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id) == run


def test_what_a_run_names_stands_above_the_assistant(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    given: Any = {
        "model": "gpt-4o",
        "instructions": "Be long.",
        "tools": [{"type": "code_interpreter"}],
        "metadata": {"why": "test"},
        "temperature": 0.0,
        "top_p": 0.5,
        "max_prompt_tokens": 300,
        "max_completion_tokens": 400,
        "truncation_strategy": {"type": "last_messages", "last_messages": 4},
        "tool_choice": {"type": "code_interpreter"},
        "parallel_tool_calls": False,
        "response_format": {"type": "text"},
        "reasoning_effort": "high",
    }
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, **given)
    assert {name: run.to_dict()[name] for name in given} == given


def test_additional_instructions_and_messages_are_added(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(
        thread.id,
        assistant_id=assistant.id,
        additional_instructions="Be kind.",
        additional_messages=[{"role": "user", "content": "And 3 + 3?"}],
    )
    assert run.instructions == "Be brief.\nBe kind."
    assert len(client.beta.threads.messages.list(thread.id).data) == 2


def test_an_active_run_locks_its_thread(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with pytest.raises(BadRequestError) as caught:
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert caught.value.body == {
        "message": f"Thread {thread.id} already has an active run {run.id}.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    with pytest.raises(BadRequestError) as caught:
        client.beta.threads.messages.create(thread.id, role="user", content="wait")
    assert caught.value.body == {
        "message": f"Can't add messages to {thread.id} while a run {run.id} is active.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    Worker(run.id).complete()
    client.beta.threads.messages.create(thread.id, role="user", content="now")


def test_a_poll_is_told_when_to_come_again(
    client: OpenAI, http: httpx2.Client, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    path = f"/v1/threads/{thread.id}/runs/{run.id}"
    assert int(http.get(path).headers["openai-poll-after-ms"]) < 1000
    Worker(run.id).complete()
    assert "openai-poll-after-ms" not in http.get(path).headers
    assert client.beta.threads.runs.poll(run.id, thread_id=thread.id).status == "completed"


def test_an_answered_run_has_messages_steps_and_usage(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    created = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    worker = Worker(created.id)
    worker.answer("4")
    worker.complete()
    run = client.beta.threads.runs.retrieve(created.id, thread_id=thread.id)
    assert run.status == "completed"
    assert run.expires_at is None
    assert run.completed_at is not None
    assert run.usage is not None
    assert run.usage.to_dict() == USAGE
    (answer,) = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert (answer.role, answer.assistant_id) == ("assistant", assistant.id)
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.to_dict() == {
        "id": step.id,
        "object": "thread.run.step",
        "created_at": step.created_at,
        "run_id": run.id,
        "assistant_id": assistant.id,
        "thread_id": thread.id,
        "type": "message_creation",
        "status": "completed",
        "cancelled_at": None,
        "completed_at": step.completed_at,
        "expires_at": step.to_dict()["expires_at"],
        "expired_at": None,
        "failed_at": None,
        "last_error": None,
        "step_details": {
            "type": "message_creation",
            "message_creation": {"message_id": answer.id},
        },
        "metadata": {},
        "usage": USAGE,
    }
    found = client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id)
    assert found == step
    with pytest.raises(NotFoundError, match="No run step found with id 'step_1'"):
        client.beta.threads.runs.steps.retrieve("step_1", thread_id=thread.id, run_id=run.id)


def test_steps_of_functions_and_the_newest_first(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    Worker(run.id).call("add", '{"a":2,"b":2}')
    client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_1", "output": "4"}]
    )
    worker = Worker(run.id)
    worker.answer("It is 4.")
    worker.complete()
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert [step.type for step in steps] == ["message_creation", "tool_calls"]
    assert steps[1].step_details.to_dict() == {
        "type": "tool_calls",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a":2,"b":2}', "output": "4"},
            }
        ],
    }


def test_a_run_waits_for_the_outputs_of_its_functions(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    created = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    Worker(created.id).call("add", '{"a":2}')
    run = client.beta.threads.runs.retrieve(created.id, thread_id=thread.id)
    assert run.status == "requires_action"
    assert run.required_action is not None
    assert run.required_action.to_dict() == {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a":2}'},
                }
            ]
        },
    }
    submit = client.beta.threads.runs.submit_tool_outputs
    with pytest.raises(BadRequestError) as caught:
        submit(run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_x"}])
    assert "Expected tool outputs for call_ids ['call_1'], got ['call_x']" in str(caught.value)
    with pytest.raises(BadRequestError) as caught:
        submit(
            run.id,
            thread_id=thread.id,
            tool_outputs=[{"tool_call_id": "call_1", "output": "x" * 512 * 1024}],
        )
    assert caught.value.body == {
        "message": "'tool_outputs' too large: the combined tool outputs must be less than 512kb.",
        "type": "invalid_request_error",
        "param": "tool_outputs",
        "code": "invalid_value",
    }
    taken = submit(
        run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": "call_1", "output": "4"}],
    )
    assert (taken.status, taken.required_action) == ("queued", None)
    assert taken.started_at is not None
    with pytest.raises(BadRequestError, match='Runs in status "queued" do not accept tool outputs'):
        submit(run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_1"}])


def test_a_queued_run_is_cancelled_at_once(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert client.beta.threads.runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    ended = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert ended.status == "cancelled"
    assert ended.cancelled_at is not None
    with pytest.raises(BadRequestError, match=r"Cannot cancel run with status 'cancelled'\."):
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)


def test_a_run_in_progress_is_cancelled_by_its_worker(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    worker = Worker(run.id)
    assert client.beta.threads.runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    with pytest.raises(BadRequestError, match=r"Cannot cancel run with status 'cancelling'\."):
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    worker.let_go()
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "cancelled"


def test_metadata_of_a_run_can_change_when_it_has_ended(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    worker = Worker(run.id)
    with pytest.raises(BadRequestError, match=r"Cannot update run with status 'in_progress'\."):
        client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={"a": "1"})
    worker.fail("The model does not answer.")
    changed = client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={"a": "1"})
    assert changed.metadata == {"a": "1"}
    assert changed.last_error is not None
    assert changed.last_error.to_dict() == {
        "code": "server_error",
        "message": "The model does not answer.",
    }


def test_a_thread_and_its_run_are_made_together(client: OpenAI, assistant: Assistant) -> None:
    file = client.files.create(file=b"1", purpose="assistants")
    run = client.beta.threads.create_and_run(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "hi"}], "metadata": {"t": "1"}},
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
        metadata={"r": "1"},
    )
    thread = client.beta.threads.retrieve(run.thread_id)
    assert (thread.metadata, run.metadata) == ({"t": "1"}, {"r": "1"})
    assert run.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": [file.id]}}
    assert len(client.beta.threads.messages.list(thread.id).data) == 1


def test_runs_are_listed_in_their_thread(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    first = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    Worker(first.id).complete()
    second = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    found = client.beta.threads.runs.list(thread.id)
    assert [run.id for run in found] == [second.id, first.id]


def test_what_a_run_names_must_exist(client: OpenAI, assistant: Assistant, thread: Thread) -> None:
    runs = client.beta.threads.runs
    with pytest.raises(NotFoundError, match="No assistant found with id 'asst_1'"):
        runs.create(thread.id, assistant_id="asst_1")
    with pytest.raises(BadRequestError, match="Expected an ID that begins with 'asst'"):
        runs.create(thread.id, assistant_id="thread_1")
    with pytest.raises(NotFoundError, match="No thread found with id 'thread_1'"):
        runs.create("thread_1", assistant_id=assistant.id)
    with pytest.raises(NotFoundError, match="No run found with id 'run_1'"):
        runs.retrieve("run_1", thread_id=thread.id)
    with pytest.raises(BadRequestError, match="Expected an ID that begins with 'run'"):
        runs.cancel("thread_1", thread_id=thread.id)
    assert Run.objects.count() == 0

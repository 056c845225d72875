"""File search in runs, through the SDK, on the whole stack."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from openai import AssistantEventHandler, BadRequestError, OpenAI
from openai.types.beta.threads import Message, Text, TextDelta
from openai.types.beta.threads.runs import RunStep, ToolCall
from typing_extensions import override

from tests.chat_server import text, tool_call
from tests.stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
FOODS = b"The favorite food of several people:\n- Tekakwitha Effie: pizza\n- Filip Carola: cake"
MARKER = "\u30104:0\u2020foods.txt\u3011"


@pytest.fixture
def client(stack: Stack) -> OpenAI:
    stack.chat.forget()
    return OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0)


def asked(client: OpenAI, stack: Stack) -> tuple[str, str, str]:
    """A thread with a question, the assistant that has the file for it, and the file."""
    stack.chat.when(
        "Filip",
        [tool_call("file_search", {"queries": ["food of Filip"]})],
        [text("", pieces=["Cake", "\u30104:0\u2020", "foods.txt", "\u3011", "."])],
    )
    file = client.files.create(file=("foods.txt", FOODS), purpose="assistants")
    assistant = client.beta.assistants.create(
        model="played",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [file.id]}]}},
    )
    thread = client.beta.threads.create(
        messages=[{"role": "user", "content": "What does Filip like?"}]
    )
    return thread.id, assistant.id, file.id


class Listener(AssistantEventHandler):
    """Notes what the SDK's event handler is told."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[ToolCall] = []
        self.texts: list[Text] = []
        self.annotated: list[TextDelta] = []
        self.messages: list[Message] = []
        self.steps: list[RunStep] = []

    @override
    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        self.calls.append(tool_call)

    @override
    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        if delta.annotations:
            self.annotated.append(delta)

    @override
    def on_text_done(self, text: Text) -> None:
        self.texts.append(text)

    @override
    def on_message_done(self, message: Message) -> None:
        self.messages.append(message)

    @override
    def on_run_step_done(self, run_step: RunStep) -> None:
        self.steps.append(run_step)


def test_the_sdks_event_handler_hears_of_the_search_and_its_citation(
    client: OpenAI, stack: Stack
) -> None:
    thread_id, assistant_id, file_id = asked(client, stack)
    listener = Listener()

    with client.beta.threads.runs.stream(
        thread_id=thread_id, assistant_id=assistant_id, event_handler=listener
    ) as stream:
        stream.until_done()

    assert listener.calls
    assert listener.calls[0].type == "file_search"
    (delta,) = listener.annotated
    assert delta.value is not None
    assert MARKER in delta.value
    (said,) = listener.texts
    assert said.value == f"Cake{MARKER}."
    (citation,) = said.annotations
    assert citation.type == "file_citation"
    assert citation.file_citation.file_id == file_id
    assert said.value[citation.start_index : citation.end_index] == citation.text == MARKER
    (message,) = listener.messages
    part = message.content[0]
    assert part.type == "text"
    # As the seed's program reads it; the type of the SDK does not know it.
    quote = part.text.annotations[0].to_dict()["file_citation"]["quote"]  # type: ignore[index]
    assert quote == "- Filip Carola: cake"


def file_searches(step: RunStep) -> list[dict[str, Any]]:
    found = step.to_dict()["step_details"]["tool_calls"]  # type: ignore[index]
    return [call["file_search"] for call in found]


@pytest.mark.parametrize("include", [[], [CONTENT]])
def test_results_show_their_content_only_when_asked(
    client: OpenAI, stack: Stack, include: list[Any]
) -> None:
    thread_id, assistant_id, file_id = asked(client, stack)

    with client.beta.threads.runs.stream(
        thread_id=thread_id, assistant_id=assistant_id, include=include
    ) as stream:
        streamed = [
            event.data
            for event in stream
            if event.event == "thread.run.step.completed" and event.data.type == "tool_calls"
        ]
        run = stream.get_final_run()
    steps = client.beta.threads.runs.steps
    listed = steps.list(run.id, thread_id=thread_id, include=include, order="asc").data[0]
    got = steps.retrieve(listed.id, thread_id=thread_id, run_id=run.id, include=include)

    assert [step.to_dict() for step in (*streamed, listed)] == [got.to_dict()] * 2
    (search,) = file_searches(got)
    (result,) = search["results"]
    content = {"content": [{"type": "text", "text": FOODS.decode()}]} if include else {}
    assert result == {
        "file_id": file_id,
        "file_name": "foods.txt",
        "score": result["score"],
        "attributes": {},
        **content,
    }
    assert search["ranking_options"] == {"ranker": "default_2024_08_21", "score_threshold": 0.0}


@pytest.mark.parametrize(
    "query, is_included",
    [
        ("", False),
        (f"include[]={CONTENT}", True),
        (f"include%5B%5D={quote(CONTENT, safe='')}", True),
        (f"include={CONTENT}", True),
        (f"include={CONTENT}&include={CONTENT}&include[]={CONTENT}", True),
        (f"include[]={CONTENT}&order=asc&api-version=1", True),
    ],
)
def test_what_to_include_is_understood_however_it_is_written(
    client: OpenAI, stack: Stack, query: str, is_included: bool
) -> None:
    thread_id, assistant_id, _ = asked(client, stack)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)
    address = f"{stack.url}/v1/threads/{thread_id}/runs/{run.id}/steps?{query}"
    steps = httpx2.get(address, headers={"Authorization": f"Bearer {stack.api_key}"}).json()
    (step,) = (step for step in steps["data"] if step["type"] == "tool_calls")
    (result,) = step["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert ("content" in result) == is_included


@pytest.mark.parametrize(
    "query", ["include=all", "include[]=all", f"include={CONTENT}&include=all"]
)
def test_each_thing_to_include_is_checked_however_it_is_written(
    http: httpx2.Client, known: dict[str, str], query: str
) -> None:
    steps = f"/v1/threads/{known['thread_id']}/runs/{known['run_id']}/steps"
    for path in (steps, f"{steps}/{known['step_id']}"):
        response = http.get(f"{path}?{query}")
        assert response.status_code == 400
        assert response.json()["error"] == {
            "message": f"Invalid value: 'all'. Supported value is: '{CONTENT}'.",
            "type": "invalid_request_error",
            "param": f"include[{query.count('&')}]",
            "code": "invalid_value",
        }


def test_anything_else_to_include_is_refused(client: OpenAI, stack: Stack) -> None:
    thread_id, assistant_id, _ = asked(client, stack)
    runs: Any = client.beta.threads.runs

    of_run = {"thread_id": thread_id, "run_id": "run_1"}
    asking: list[Callable[..., object]] = [
        partial(runs.create, thread_id, assistant_id=assistant_id),
        partial(runs.steps.list, **of_run),
        partial(runs.steps.retrieve, "step_1", **of_run),
    ]

    for ask in asking:
        with pytest.raises(BadRequestError) as refused:
            ask(include=["everything"])
        assert refused.value.body == {
            "message": f"Invalid value: 'everything'. Supported value is: '{CONTENT}'.",
            "type": "invalid_request_error",
            "param": "include[0]",
            "code": "invalid_value",
        }
    assert client.beta.threads.runs.list(thread_id).data == []

"""The getting-started walk-through for Azure OpenAI Assistants, as a program would run it.

Only the address and the key differ from a program written for the service. Nothing but the demo
model answers, and the code that it writes runs in the sandbox.
"""

import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openai import AzureOpenAI, OpenAI
from PIL import Image

from tests.stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

INSTRUCTIONS = (
    "You are a helpful AI assistant who makes interesting visualizations based on data."
    "You have access to a sandboxed environment for writing and testing code."
    "When you are asked to create a visualization you should follow these steps:"
    "1. Write the code."
    "2. Anytime you write new code display a preview of the code to show your work."
    "3. Run the code to confirm that it runs."
    "4. If the code is successful display the visualization."
    "5. If the code is unsuccessful display the error message and try to revise the code and rerun "
    "going through the steps from above again."
)


@pytest.fixture(scope="module")
def bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What a newcomer has: no key, no provider."""
    folder = tmp_path_factory.mktemp("bare")
    with Stack(folder, OPENAI_API_KEY="", OPENAI_BASE_URL="") as running:
        yield running


@pytest.fixture(params=["azure", "openai"])
def client(bare_stack: Stack, request: pytest.FixtureRequest) -> OpenAI:
    if request.param == "azure":
        return AzureOpenAI(
            api_key=bare_stack.api_key,
            api_version="2024-05-01-preview",
            azure_endpoint=bare_stack.url,
        )
    return OpenAI(api_key=bare_stack.api_key, base_url=f"{bare_stack.url}/v1")


def ask(client: OpenAI, thread_id: str, assistant_id: str, question: str) -> dict[str, Any]:
    """The article's own steps: add a message, run, wait, list the messages; the newest of them."""
    client.beta.threads.messages.create(thread_id=thread_id, role="user", content=question)
    run = client.beta.threads.runs.create(thread_id=thread_id, assistant_id=assistant_id)
    run = client.beta.threads.runs.retrieve(thread_id=thread_id, run_id=run.id)
    status, deadline = run.status, time.monotonic() + 60
    while status not in ["completed", "cancelled", "expired", "failed"]:
        assert time.monotonic() < deadline, f"the run is still {status}"
        time.sleep(0.1)
        run = client.beta.threads.runs.retrieve(thread_id=thread_id, run_id=run.id)
        status = run.status
    assert status == "completed", run.last_error
    messages = client.beta.threads.messages.list(thread_id=thread_id)
    data = json.loads(messages.model_dump_json(indent=2))
    newest: dict[str, Any] = data["data"][0]
    return newest


def download(client: OpenAI, message: dict[str, Any], path: Path) -> Image.Image:
    image_file_id = message["content"][0]["image_file"]["file_id"]
    client.files.content(image_file_id).write_to_file(path)
    return Image.open(BytesIO(path.read_bytes()))


def brightness(image: Image.Image) -> float:
    """The mean brightness of the picture's edge, 0 to 255: what its background is."""
    grey = image.convert("L")
    edge = grey.crop((0, 2, grey.width, 3)).tobytes()
    return sum(edge) / len(edge)


def test_the_walk_through_ends_with_two_pictures_the_second_dark(
    client: OpenAI, tmp_path: Path
) -> None:
    assistant = client.beta.assistants.create(
        name="Data Visualization",
        instructions=INSTRUCTIONS,
        tools=[{"type": "code_interpreter"}],
        model="gpt-4-1106-preview",
    )
    shown = json.loads(assistant.model_dump_json(indent=2))
    assert shown["model"] == "gpt-4-1106-preview"
    assert shown["tools"] == [{"type": "code_interpreter"}]
    if isinstance(client, AzureOpenAI):
        assert shown["file_ids"] == []

    thread = client.beta.threads.create()
    assert thread.object == "thread"

    plotted = ask(client, thread.id, assistant.id, "Create a visualization of a sinewave")
    light = download(client, plotted, tmp_path / "sinewave.png")
    assert light.format == "PNG"
    assert light.width > 300
    assert brightness(light) > 200

    shown = ask(
        client, thread.id, assistant.id, "Show me the code you used to generate the sinewave"
    )
    code = shown["content"][0]["text"]["value"]
    assert "```python" in code
    assert "np.sin(" in code

    darkened = ask(
        client,
        thread.id,
        assistant.id,
        "I prefer visualizations in darkmode can you change the colors to make a darkmode version "
        "of this visualization.",
    )
    dark = download(client, darkened, tmp_path / "dark_sine.png")
    assert dark.format == "PNG"
    assert brightness(dark) < 60


def test_the_messages_of_the_thread_read_as_in_the_article(client: OpenAI) -> None:
    assistant = client.beta.assistants.create(
        model="gpt-4-1106-preview", tools=[{"type": "code_interpreter"}]
    )
    thread = client.beta.threads.create()
    ask(client, thread.id, assistant.id, "Create a visualization of a sinewave")

    messages = client.beta.threads.messages.list(thread.id)
    listed = json.loads(messages.model_dump_json())

    assert listed["object"] == "list"
    assert listed["first_id"] == listed["data"][0]["id"]
    assert listed["last_id"] == listed["data"][-1]["id"]
    assert listed["has_more"] is False
    assert listed["data"][-1]["role"] == "user"
    assert listed["data"][-1]["content"][0]["text"] == {
        "annotations": [],
        "value": "Create a visualization of a sinewave",
    }
    steps = client.beta.threads.runs.steps.list(
        run_id=listed["data"][0]["run_id"], thread_id=thread.id
    )
    kinds = [step.type for step in steps]
    assert kinds[0] == "message_creation"
    assert "tool_calls" in kinds


def test_the_footnote_snippet_of_the_article_resolves_links(client: OpenAI) -> None:
    assistant = client.beta.assistants.create(
        model="gpt-4-1106-preview", tools=[{"type": "code_interpreter"}]
    )
    thread = client.beta.threads.create()
    answer = ask(client, thread.id, assistant.id, "Make some random data and save it as CSV")
    message = client.beta.threads.messages.retrieve(thread_id=thread.id, message_id=answer["id"])

    text_part = next(part for part in message.content if part.type == "text")
    message_content = text_part.text
    citations = []
    for index, annotation in enumerate(message_content.annotations):
        message_content.value = message_content.value.replace(annotation.text, f" [{index}]")
        if file_citation := getattr(annotation, "file_citation", None):
            cited_file = client.files.retrieve(file_citation.file_id)
            citations.append(f"[{index}] {file_citation.quote} from {cited_file.filename}")
        elif file_path := getattr(annotation, "file_path", None):
            cited_file = client.files.retrieve(file_path.file_id)
            citations.append(f"[{index}] Click <here> to download {cited_file.filename}")

    assert len(citations) == 1
    assert citations[0].endswith(".csv")
    assert "sandbox:" not in message_content.value

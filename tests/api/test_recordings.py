"""Recorded exchanges with the service, asked again of this one: every field that the service sent
is there, of the same type, and events come in the same order.
"""

import json
from typing import Any

import httpx2
import pytest
from pytest_django import Settings

from assistants.ingester import Ingester
from assistants.models import Run, VectorStoreFile
from tests.api.contract import breaches, recording
from tests.api.worker import Worker
from tests.chat_server import text, tool_call
from tests.stack import Stack
from tests.until import until

Ids = dict[str, str]
Events = list[tuple[str, Any]]


pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def differences(theirs: Any, ours: Any, place: str = "$") -> list[str]:
    """Fields that they sent and we did not, and values of other types."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for name, value in theirs.items():
            if name in ours:
                found += differences(value, ours[name], f"{place}.{name}")
            else:
                found.append(f"{place}.{name} is missing")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        # Lists of the recorded project hold what was there before; those of one thing compare.
        if theirs and not ours:
            return [f"{place} is empty"]
        return differences(theirs[0], ours[0], f"{place}[0]") if theirs else []
    numbers = {int, float}
    same = type(theirs) is type(ours) or {type(theirs), type(ours)} <= numbers
    return [] if same else [f"{place} is {ours!r}, and was {theirs!r}"]


def learn(theirs: Any, ours: Any, ids: Ids) -> None:
    """Note our ids of the recorded objects."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name, value in theirs.items():
            if name == "id" or name.endswith("_id"):
                if value and ours.get(name):
                    ids[value] = ours[name]
            else:
                learn(value, ours.get(name), ids)
    elif isinstance(theirs, list) and isinstance(ours, list):
        for one, other in zip(theirs, ours, strict=False):
            learn(one, other, ids)


def ours_of(text: str, ids: Ids) -> str:
    for theirs, ours in ids.items():
        text = text.replace(theirs, ours)
    return text


def ask(http: httpx2.Client, entry: dict[str, Any], ids: Ids) -> Any:
    path = ours_of(entry["RequestUri"].removeprefix("https://api.openai.com"), ids)
    headers = {
        name: entry["RequestHeaders"][name]
        for name in ("Accept", "Content-Type", "OpenAI-Beta", "User-Agent")
        if name in entry["RequestHeaders"]
    }
    body = entry["RequestBody"]
    content = b"" if body is None else ours_of(json.dumps(body), ids).encode()
    return http.stream(entry["RequestMethod"], path, content=content, headers=headers)


@pytest.mark.parametrize(
    "name",
    [
        "AssistantsTests__BasicAssistantOperationsWork",
        "AssistantsTests__BasicMessageOperationsWork",
        "AssistantsTests__BasicThreadOperationsWork",
        "AssistantsTests__Pagination_CanPageThroughAssistantCollection",
    ],
)
def test_plain_exchanges(http: httpx2.Client, name: str) -> None:
    ids: Ids = {}
    for entry in recording(name):
        with ask(http, entry, ids) as response:
            assert response.status_code == entry["StatusCode"], response.read()
            answer = json.loads(response.read())
        place = f"{entry['RequestMethod']} {entry['RequestUri']}"
        assert differences(entry["ResponseBody"], answer, place) == []
        learn(entry["ResponseBody"], answer, ids)
        for header in ("openai-version", "openai-processing-ms", "X-Request-ID", "Content-Type"):
            assert header in response.headers


@pytest.mark.parametrize(
    "name",
    [
        "VectorStoresTests__CanCreateGetAndDeleteVectorStores",
        "VectorStoresTests__CanUseBatchIngestion",
    ],
)
def test_vector_stores(http: httpx2.Client, ingester: Ingester, name: str) -> None:
    ids: Ids = {}
    for entry in recording(name):
        place = f"{entry['RequestMethod']} {entry['RequestUri']}"
        theirs = entry["ResponseBody"]
        if entry["RequestUri"].endswith("/v1/files"):
            form: Any = {"data": {"purpose": "assistants"}}
            file = ("test_file.txt", b"This is a test file 1")
            answer = http.post("/v1/files", files={"file": file}, **form).json()
        else:
            if entry["RequestUri"].endswith("/files"):
                # By then theirs were done.
                until(_all_done, "the files are not ingested")
            with ask(http, entry, ids) as response:
                assert response.status_code == entry["StatusCode"], response.read()
                answer = json.loads(response.read())
        assert differences(theirs, answer, place) == []
        learn(theirs, answer, ids)
        if theirs["object"] == "list":
            assert [file["id"] for file in answer["data"]] == [
                ids[file["id"]] for file in theirs["data"]
            ]
            assert [file["usage_bytes"] for file in answer["data"]] == [1045] * 5
        elif theirs["object"] == "vector_store":
            assert answer["file_counts"]["total"] == theirs["file_counts"]["total"]


def _all_done() -> bool:
    return not VectorStoreFile.objects.filter(status="in_progress").exists()


def recorded_events(entry: dict[str, Any]) -> Events:
    lines = [line.strip() for line in entry["ResponseBody"]]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [
        (name, None if value == "[DONE]" else json.loads(value))
        for name, value in zip(names, data, strict=True)
    ]


def play(events: Events) -> None:
    """Do in our worker what the recorded one did."""
    worker = Worker(Run.objects.newest_first()[0].id)
    said = [
        event["delta"]["content"][0]["text"]["value"]
        for name, event in events
        if name == "thread.message.delta"
    ]
    if said:
        worker.answer(*said)
        worker.complete()
        return
    waiting = dict(events)["thread.run.requires_action"]
    (call,) = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    worker.call(call["function"]["name"], call["function"]["arguments"], call["id"])


@pytest.mark.parametrize(
    "name", ["AssistantsTests__StreamingRunWorks", "AssistantsTests__StreamingToolCall"]
)
def test_streamed_exchanges(http: httpx2.Client, name: str) -> None:
    ids: Ids = {}
    for entry in recording(name):
        streamed = isinstance(entry["ResponseBody"], list)
        with ask(http, entry, ids) as response:
            assert response.status_code == entry["StatusCode"]
            if streamed:
                theirs = recorded_events(entry)
                play(theirs)
            text = response.read().decode()
        if not streamed:
            answer = json.loads(text)
            assert differences(entry["ResponseBody"], answer) == []
            learn(entry["ResponseBody"], answer, ids)
            continue
        ours = recorded_events({"ResponseBody": text.splitlines()})
        assert [event for event, _ in ours] == [event for event, _ in theirs]
        for (event, was), (_, now) in zip(theirs, ours, strict=True):
            assert differences(was, now, event) == []
            learn(was, now, ids)


def test_uploads(http: httpx2.Client, settings: Settings) -> None:
    for name, purpose in (
        ("FilesTests__NonAsciiFilename", "assistants"),
        ("FilesTests__UploadFileCanParseServiceError", "world_domination"),
    ):
        (entry,) = recording(name)
        response = http.post(
            "/v1/files", files={"file": ("你好.txt", b"x" * 33)}, data={"purpose": purpose}
        )
        assert response.status_code == entry["StatusCode"]
        was = entry["ResponseBody"]
        assert differences(was, response.json()) == []
        if "error" in was:
            assert response.json() == was
        else:
            assert response.json()["filename"] == was["filename"]


def test_a_file_search_on_the_whole_stack(stack: Stack) -> None:
    stack.chat.forget()
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    http = httpx2.Client(base_url=stack.url, headers=headers, timeout=60)
    upload, *posts = recording("AssistantsTests__FileSearchStreamingWorks")
    theirs = recorded_events(posts[-1])
    pieces = [
        data["delta"]["content"][0]["text"]["value"]
        for name, data in theirs
        if name == "thread.message.delta"
    ]
    queries = {"queries": ["favorite food of Filip"]}
    stack.chat.when("Filip", [tool_call("file_search", queries)], [text("", pieces=pieces)])
    ids: Ids = {"gpt-4o": "played"}
    content = "The favorite food of several people:\n- Effie: pizza\n- Filip Carola: cake"
    file = {"file": ("favorite_foods.txt", content.encode())}
    made = http.post("/v1/files", files=file, data={"purpose": "assistants"})
    learn(upload["ResponseBody"], made.json(), ids)
    for entry in posts:
        with ask(http, entry, ids) as response:
            said = response.read().decode()
        if entry is not posts[-1]:
            assert differences(entry["ResponseBody"], json.loads(said)) == []
            learn(entry["ResponseBody"], json.loads(said), ids)

    ours = recorded_events({"ResponseBody": said.splitlines()})
    told, was_told = once(ours), once(theirs)
    assert [name for name, _ in told] == [name for name, _ in was_told]
    for (name, now), (_, was) in zip(told, was_told, strict=True):
        assert differences(was, now, name) == []
        learn(was, now, ids)
    run, was_run = told[0][1], was_told[0][1]
    for field in ("tools", "tool_resources"):
        assert run[field] == was_run[field]
    told_of = annotations(ours)
    # What we add to theirs: where the cited line stands, in a text that has no pages.
    places = [
        told["file_citation"].pop(key) for told in told_of for key in ("page", "start", "end")
    ]
    assert places == [None, content.index("- Filip"), len(content)]
    assert told_of == json.loads(ours_of(json.dumps(annotations(theirs)), ids))
    (call,), (was_call,) = (
        dict(events)["thread.run.step.delta"]["delta"]["step_details"]["tool_calls"]
        for events in (told, was_told)
    )
    assert {**call, "id": ""} == {**was_call, "id": ""}
    for path, pattern in (
        (f"assistants/{run['assistant_id']}", "/assistants/{assistant_id}"),
        (f"threads/{run['thread_id']}/messages", "/threads/{thread_id}/messages"),
        (
            f"threads/{run['thread_id']}/runs/{run['id']}/steps",
            "/threads/{thread_id}/runs/{run_id}/steps",
        ),
    ):
        assert breaches("GET", pattern, http.get(f"/v1/{path}").json()) == []


def once(events: Events) -> Events:
    """The events, with deltas of a message's text in a row counted once: how they are folded is
    chance.
    """
    found: Events = []
    for name, data in events:
        if name != "thread.message.delta" or found[-1][0] != name:
            found.append((name, data))
    return found


def annotations(events: Events) -> list[dict[str, Any]]:
    """Those that deltas told of."""
    return [
        annotation
        for name, data in events
        if name == "thread.message.delta"
        for annotation in data["delta"]["content"][0]["text"].get("annotations", [])
    ]

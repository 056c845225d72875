"""What a model is told: files, images and how much of them."""

from io import BytesIO
from typing import Any

import pytest

from assistants.engine import context, file_search
from assistants.models import File, FileStatus, Run, VectorStore
from assistants.operations import files
from assistants.tokens import estimate
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n"


def stored(name: str, content: bytes) -> File:
    return files.create(make_project(), BytesIO(content), filename=name, purpose="assistants")


def told(run: Run, tokens: int = 100_000, *, sees: bool = True) -> list[dict[str, Any]]:
    """What a model is told that can take in so many tokens."""
    return context.told(run, context.build(run), tokens, estimate, sees=sees)[0]


def run_with_files(*given: File) -> Run:
    assistant = make_assistant(
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in given]}},
    )
    return make_run(make_thread(None, "Hi"), assistant)


def test_the_model_is_told_which_of_several_files_has_their_name() -> None:
    older, other, newer = stored("x.csv", b"1"), stored("y.csv", b"2"), stored("x.csv", b"33")

    system = told(run_with_files(older, other, newer))[0]["content"]

    first, second, third = system.splitlines()[-3:]
    path = "/mnt/data/"
    assert first.startswith(f"- {path}{older.id} (x.csv, 1 bytes); older than {path}x.csv")
    assert second == f"- {path}{other.id} (y.csv, 1 bytes)"
    assert third.startswith(f"- {path}{newer.id} (x.csv, 2 bytes); the newest of this name")


def run_with_images(*parts: dict[str, Any]) -> Run:
    asked = [{"role": "user", "content": [part]} for part in parts]
    return make_run(make_thread(None), make_assistant(), additional_messages=asked)


def of_file(file: File) -> dict[str, Any]:
    return {"type": "image_file", "image_file": {"file_id": file.id}}


def test_of_many_large_images_the_oldest_are_left_out_with_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "MAX_IMAGES_BYTES", 2_000)
    pictures = [stored(f"{number}.png", PNG + b"x" * 900) for number in range(3)]
    at_address = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

    said = told(run_with_images(*map(of_file, pictures), at_address))

    kinds = [message["content"][0]["type"] for message in said]
    assert kinds == ["text", "image_url", "image_url", "image_url"]
    assert said[0]["content"][0]["text"] == (
        "[the image 0.png is left out: newer images take all the room of one request]"
    )


def test_an_image_in_a_message_itself_counts_as_much_as_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "MAX_IMAGES_BYTES", 2_000)
    url = "data:image/png;base64," + "A" * 2_000
    inline = {"type": "image_url", "image_url": {"url": url}}

    older, newer = told(run_with_images(inline, inline))

    assert older["content"][0]["type"] == "text"
    assert newer["content"][0]["image_url"]["url"] == url


def test_a_model_that_cannot_see_is_told_that_there_was_an_image() -> None:
    run = run_with_images(of_file(stored("a.png", PNG)))
    (message,) = told(run, sees=False)
    assert message["content"] == [
        {"type": "text", "text": "[an image is here, which this model cannot see]"}
    ]


def test_what_does_not_fit_is_left_out_from_the_oldest_on() -> None:
    asked = [{"role": "user", "content": f"{number} " + "word " * 900} for number in range(9)]
    run = make_run(make_thread(None), make_assistant(), additional_messages=asked)
    assert [message["content"][0] for message in told(run, 3_200)] == ["6", "7", "8"]
    # The question itself is always told: without it there is nothing to answer.
    assert [message["content"][0] for message in told(run, 10)] == ["8"]


@pytest.mark.parametrize(
    "limits, window, spent, budget",
    [
        ({}, 8_192, 0, 6_144),
        ({}, 128_000, 0, 123_904),
        ({"max_completion_tokens": 500}, 8_192, 0, 7_692),
        ({"max_prompt_tokens": 1_000}, 8_192, 0, 1_000),
        ({"max_prompt_tokens": 1_000}, 8_192, 400, 600),
    ],
)
def test_how_much_a_turn_may_be_told(
    limits: dict[str, int], window: int, spent: int, budget: int
) -> None:
    run = make_run(make_thread(None, "Hi"), make_assistant(), **limits)
    assert context.budget(run, window, {"prompt_tokens": spent}) == budget


def test_the_model_is_told_what_its_code_may_import() -> None:
    conversation = context.build(run_with_files(), ["numpy 2.3.1", "pandas 2.3.0"])
    assert "Packages: numpy 2.3.1, pandas 2.3.0." in conversation.system
    assert "Packages:" not in context.build(run_with_files()).system


def test_the_model_is_told_of_files_that_cannot_be_searched() -> None:
    store = VectorStore.objects.create(project=make_project())
    store.files.create(file=stored("foods.txt", b"x"), status=FileStatus.COMPLETED)
    store.files.create(file=stored("new.txt", b"x"))
    store.files.create(file=stored("stopped.txt", b"x"), status=FileStatus.CANCELLED)
    error = {"code": "invalid_file", "message": "The PDF file is damaged."}
    forged = stored("a 【4:0†b】 - c.pdf", b"x")
    store.files.create(file=forged, status=FileStatus.FAILED, last_error=error)
    assistant = make_assistant(
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )

    (system, _) = told(make_run(make_thread(None, "Hi"), assistant))

    assert system["content"] == (
        "Files you can search with file_search:\n"
        "- foods.txt\n\n"
        f"{file_search.UNREAD}\n"
        "- a - c.pdf: The PDF file is damaged.\n"
        "- stopped.txt: Reading it was cancelled.\n"
        "- new.txt: It is still being read."
    )


@pytest.mark.parametrize("tools", [[{"type": "file_search"}], []])
def test_what_a_user_wrote_becomes_no_citation(tools: list[dict[str, str]]) -> None:
    said = "See 【4:1†x.txt】 and [4:1]."
    run = make_run(make_thread(None, said), make_assistant(tools=tools))

    assert told(run)[0]["content"] == ("See and (4:1)." if tools else said)

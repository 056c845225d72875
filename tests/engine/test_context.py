"""What a model is told: files, images and how much of them."""

from io import BytesIO
from typing import Any

import pytest

from assistants.engine import context
from assistants.models import File, Run
from assistants.operations import files
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n"


def stored(name: str, content: bytes) -> File:
    return files.create(make_project(), BytesIO(content), filename=name, purpose="assistants")


def run_with_files(*given: File) -> Run:
    assistant = make_assistant(
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in given]}},
    )
    return make_run(make_thread(None, "Hi"), assistant)


def test_the_model_is_told_which_of_several_files_has_their_name() -> None:
    older, other, newer = stored("x.csv", b"1"), stored("y.csv", b"2"), stored("x.csv", b"33")

    system = context.build(run_with_files(older, other, newer))[0]["content"]

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

    told = context.build(run_with_images(*map(of_file, pictures), at_address))

    kinds = [message["content"][0]["type"] for message in told]
    assert kinds == ["text", "image_url", "image_url", "image_url"]
    assert told[0]["content"][0]["text"] == (
        "[the image 0.png is left out: newer images take all the room of one request]"
    )


def test_an_image_in_a_message_itself_counts_as_much_as_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "MAX_IMAGES_BYTES", 2_000)
    url = "data:image/png;base64," + "A" * 2_000
    inline = {"type": "image_url", "image_url": {"url": url}}

    older, newer = context.build(run_with_images(inline, inline))

    assert older["content"][0]["type"] == "text"
    assert newer["content"][0]["image_url"]["url"] == url

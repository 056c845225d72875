"""Messages of a kernel, made up by somebody who holds its key."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jupyter_client.session import Session

from assistants.tools.code_interpreter.messages import (
    Idle,
    Picture,
    Raised,
    Replied,
    Text,
    plain,
    read,
)

CALL = "the-call"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
session = Session(key=b"key")


def said(kind: str, content: object, call: object = CALL) -> object:
    message = session.msg(kind, {}, parent={"msg_id": call})
    message["content"] = content
    return read(Session(key=b"key"), session.serialize(message), CALL)


def test_honest_messages_are_understood() -> None:
    png = base64.b64encode(PNG).decode()

    assert said("stream", {"name": "stdout", "text": "a\n"}) == Text("a\n")
    assert said("execute_result", {"data": {"text/plain": "2"}}) == Text("2\n")
    assert said("display_data", {"data": {"text/plain": "x", "image/png": png}}) == Picture(
        "image/png", PNG
    )
    assert said("error", {"ename": "E", "evalue": "v", "traceback": ["a", "\x1b[31mb\x1b[0m"]}) == (
        Raised("E", "a\nb\n")
    )
    assert said("error", {"ename": "E", "evalue": "v", "traceback": []}) == Raised("E", "E: v\n")
    assert said("execute_reply", {"status": "ok"}) == Replied(ok=True)
    assert said("execute_reply", {"status": "error"}) == Replied(ok=False)
    assert said("status", {"execution_state": "idle"}) == Idle()


def test_messages_about_another_call_are_none_of_ours() -> None:
    assert said("stream", {"text": "x"}, call="another") is None
    assert said("execute_reply", {"status": "ok"}, call=["the-call"]) is None


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"image/png": base64.b64encode(b"<script>").decode()}},
        {"data": {"image/jpeg": base64.b64encode(PNG).decode()}},
        {"data": {"image/png": "no base64"}},
        {"data": {"image/png": ["x"]}},
        {"data": {"image/svg+xml": "<svg onload='x'>", "text/html": "<b>"}},
        {"data": "x"},
        {},
    ],
)
def test_an_image_that_is_none_is_nothing(content: object) -> None:
    assert said("display_data", content) is None


def test_a_wrong_signature_is_nothing() -> None:
    other = Session(key=b"another key")
    frames = other.serialize(other.msg("stream", {"text": "x"}, parent={"msg_id": CALL}))

    assert read(session, frames, CALL) is None


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_frames_of_any_kind_raise_nothing(frames: list[bytes]) -> None:
    read(session, frames, CALL)
    read(session, [b"<IDS|MSG>", *frames], CALL)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # it says how busy the machine is
@given(
    st.sampled_from(
        ["stream", "display_data", "execute_result", "error", "execute_reply", "status"]
    ),
    st.dictionaries(
        st.sampled_from(
            ["text", "name", "data", "traceback", "ename", "evalue", "status", "execution_state"]
        ),
        json_values,
    ),
)
def test_content_of_any_shape_raises_nothing(kind: str, content: dict[str, object]) -> None:
    said(kind, content)


def test_a_message_that_is_nested_too_deep_is_nothing() -> None:
    frames = session.serialize(session.msg("stream", {"text": "x"}, parent={"msg_id": CALL}))
    frames[-1] = b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    frames[1] = session.sign(frames[2:])

    assert read(session, frames, CALL) is None


@given(st.text(max_size=200))
def test_plain_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    shown = plain(text)
    json.dumps(shown).encode()
    shown.encode()

    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b[2J\x1b[Hhome", "home"),
        (" 10%\r 50%\r100%\n", "100%\n"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("half \ud800 a pair", "half \ufffd a pair"),
        ("bell\x07 null\x00", "bell null"),
    ],
)
def test_what_a_terminal_would_act_upon_is_left_out(text: str, shown: str) -> None:
    assert plain(text) == shown

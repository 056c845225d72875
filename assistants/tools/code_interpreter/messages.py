"""What a kernel says, read as from a stranger.

The code inside holds the key that signs the kernel's messages, so a signature proves nothing: any
message may be forged, of any size and any type. What a forged message can do here is what honest
code can do anyway, by printing or drawing. Each is reduced to one of the few things below, or to
nothing.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from jupyter_client.session import Session

from assistants.text import storable
from assistants.tools.code_interpreter import pictures

_MAX_FRAMES: Final = 16
# CSI and OSC sequences, and what else a terminal would act upon.
_TERMINAL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|\x1b"
)
_CONTROL: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Text:
    """Text to show: printed, or the value of the last expression."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that was displayed; its type is what its first bytes say."""

    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that reached the top. `kind` is its class."""

    kind: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Replied:
    """The kernel says that the call is over."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Idle:
    """The kernel says that it has sent everything."""


Said = Text | Picture | Raised | Replied | Idle


def plain(text: str) -> str:
    """`text` without the codes that colour and move on a terminal, and without characters that no
    text has.

    A line that was overwritten from its start by carriage returns, as progress bars do, keeps its
    last state.
    """
    text = _TERMINAL.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
        text = "\n".join(lines)
    return storable(_CONTROL.sub("", text))


def read(session: Session, frames: list[bytes], call: str) -> Said | None:
    """What `frames` say about the execution request `call`; None if nothing."""
    if len(frames) > _MAX_FRAMES:
        return None
    try:
        _, rest = session.feed_identities(frames)
        message = session.deserialize(rest)
    except Exception:
        return None
    parent, content = message.get("parent_header"), message.get("content")
    if (
        not isinstance(parent, dict)
        or not isinstance(content, dict)
        or parent.get("msg_id") != call
    ):
        return None
    match message.get("msg_type"):
        case "stream":
            return _text(content.get("text"))
        case "display_data" | "execute_result":
            return _displayed(
                content.get("data"), is_result=message["msg_type"] == "execute_result"
            )
        case "error":
            return _raised(content)
        case "execute_reply":
            return Replied(content.get("status") == "ok")
        case "kernel_info_reply":
            return Replied(ok=True)
        case "status" if content.get("execution_state") == "idle":
            return Idle()
    return None


def _text(text: object) -> Text | None:
    return Text(plain(text)) if isinstance(text, str) and text else None


def _displayed(data: object, *, is_result: bool) -> Said | None:
    """The image of a displayed thing if it has one, otherwise its text. HTML, SVG and scripts are
    left alone.
    """
    if not isinstance(data, dict):
        return None
    for mime in pictures.TYPES:
        encoded = data.get(mime)
        if not isinstance(encoded, str):
            continue
        try:
            image = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            continue
        if pictures.may_be_shown(mime, image):
            return Picture(mime, image)
    text = data.get("text/plain")
    if not isinstance(text, str) or not text:
        return None
    return Text(plain(text) + "\n") if is_result or not text.endswith("\n") else Text(plain(text))


def _raised(content: dict[str, object]) -> Raised:
    lines = content.get("traceback")
    kind, value = content.get("ename"), content.get("evalue")
    text = (
        "\n".join(line for line in lines if isinstance(line, str))
        if isinstance(lines, list)
        else ""
    )
    name = kind if isinstance(kind, str) else "Exception"
    if not text:
        text = f"{name}: {value}" if isinstance(value, str) else name
    return Raised(name, plain(text).rstrip("\n") + "\n")

"""What the reader and its child say to each other: JSON after its length in four bytes."""

import json
import struct
from typing import Any

HEAD = struct.Struct(">I")


def pack(message: dict[str, Any]) -> bytes:
    """One message as it goes through the pipe."""
    body = json.dumps(message).encode()
    return HEAD.pack(len(body)) + body


def unpack(body: bytes) -> dict[str, Any]:
    """The message of a body, which came after its head."""
    message: dict[str, Any] = json.loads(body)
    return message

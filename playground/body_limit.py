"""Refuses a request body that is larger than anything we take, before it fills the disk.

Django writes a body to disk before a view sees it, however large it is. So the limit stands in
front of Django, as plain ASGI.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application, as loosely typed as Django's handler is."""


class BodyLimit:
    """Answers 413 to a body of more than ``max_bytes``: at once when its length is given, else as
    soon as that many have come.
    """

    def __init__(self, application: Application, max_bytes: int) -> None:
        self.application = application
        self.max_bytes = max_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        if _length(scope) > self.max_bytes:
            await self._refuse(send)
            return

        seen = 0
        answered = False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            # To Django it looks as if the client had gone, so it drops what it has read.
            return message if seen <= self.max_bytes else {"type": "http.disconnect"}

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self.application(scope, counting, watched)
        if seen > self.max_bytes and not answered:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        body = json.dumps(
            {
                "error": {
                    "message": f"The request is larger than the {self.max_bytes} bytes allowed.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            }
        ).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _length(scope: Any) -> int:
    """The length that the client announces; 0 when it does not, or not as a number."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0

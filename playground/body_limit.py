"""Refuses a request body that is larger than anything we take, before it fills the disk.

Django writes a body to disk before a view sees it, however large it is and whoever sends it. So the
limit stands in front of Django, as plain ASGI. It is large only where files are sent, and only for
who shows a key or a session; whether those are good is looked at later.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application, as loosely typed as Django's handler is."""


UPLOADS: Final = re.compile(
    r"/(v1|openai|openai/v1)/files"  # the API's; those below are the studio's forms with files
    r"|/files"
    r"|/assistants/[^/]+"
    r"|/vector-stores/[^/]+/files"
    r"|/threads/begin"
    r"|/threads/[^/]+/messages"
)
"""The paths that take files."""


class BodyLimit:
    """Answers 413 to a body of more than ``max_bytes``: at once when its length is given, else as
    soon as that many have come.

    :param max_upload_bytes: takes the place of ``max_bytes`` for a POST to one of ``UPLOADS`` that
        carries a key or a session
    :param session_cookie: the name of the cookie with a session
    """

    def __init__(
        self,
        application: Application,
        *,
        max_bytes: int,
        max_upload_bytes: int,
        session_cookie: str,
    ) -> None:
        self.application = application
        self.max_bytes = max_bytes
        self.max_upload_bytes = max_upload_bytes
        self._session = re.compile(rf"(^|;)\s*{re.escape(session_cookie)}=[^;\s]".encode())

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_upload = scope["method"] == "POST" and UPLOADS.fullmatch(scope["path"])
        large = is_upload and self._has_key_or_session(scope)
        limit = self.max_upload_bytes if large else self.max_bytes
        if _length(scope) > limit:
            await _refuse(send, limit)
            return

        seen = 0
        answered = False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            # To Django it looks as if the client had gone, so it drops what it has read.
            return message if seen <= limit else {"type": "http.disconnect"}

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self.application(scope, counting, watched)
        if seen > limit and not answered:
            await _refuse(send, limit)

    def _has_key_or_session(self, scope: Any) -> bool:
        return any(
            (name in {b"authorization", b"api-key"} and value.strip())
            or (name == b"cookie" and self._session.search(value))
            for name, value in scope["headers"]
        )


async def _refuse(send: Send, limit: int) -> None:
    body = json.dumps(
        {
            "error": {
                "message": f"The request is larger than the {limit} bytes allowed.",
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
        (b"x-request-id", f"req_{secrets.token_hex(16)}".encode()),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _length(scope: Any) -> int:
    """The length that the client announces; 0 when it does not, or not as a number."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0

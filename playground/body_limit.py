"""Refuses a request body that is larger than anything we take, before it fills the disk.

Django writes a body to disk before a view sees it, however large it is and whoever sends it. So the
limit stands in front of Django, as plain ASGI. It is large only where files are sent, and only for
who shows a key or a session; whether those are good is looked at later.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from assistants.refusals import TOO_LARGE

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
    r"|/threads/import"
    r"|/threads/[^/]+/messages"
)
"""The paths that take files."""


class BodyLimit:
    """Has a body of more than ``max_bytes`` refused: at once when its length is given, else as soon
    as that many have come. The application sees no byte of it, and ``TOO_LARGE`` in its scope.

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
            await self._refuse(scope, send, limit)
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
            await self._refuse(scope, send, limit)

    async def _refuse(self, scope: Any, send: Send, limit: int) -> None:
        """Have the application answer, who knows the words of whoever asks, and hang up: what is
        still on its way is not read.
        """

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await self.application({**scope, TOO_LARGE: limit}, _nothing(), last)

    def _has_key_or_session(self, scope: Any) -> bool:
        return any(
            (name in {b"authorization", b"api-key"} and value.strip())
            or (name == b"cookie" and self._session.search(value))
            for name, value in scope["headers"]
        )


def _nothing() -> Receive:
    """The rest of a request without a body: its end, and then nothing more."""
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    return receive


def _length(scope: Any) -> int:
    """The length that the client announces; 0 when it does not, or not as a number."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0

"""Server-Sent Events, served as plain ASGI beside Django's handler.

A Django view that streams keeps one of Django's threads for as long as its reader stays. So a view
here only decides who may read what, and then hands the stream over: it returns ``hand_over(...)``,
which is the head of a response. Django's middleware treats it as any other response, Django is done
with the request, and ``Streams``, which stands around Django, writes the frames.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final

from asgiref.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseStartEvent,
    Scope,
)
from django.http import HttpRequest, HttpResponse

Frames = Callable[[], AsyncGenerator[bytes, None]]
"""Begins a stream. It is called when Django has let go of the request, on the server's event loop,
and closed when the reader has gone.
"""

Application = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
"""An ASGI application, as loosely typed as Django's handler is."""

PING: Final = b": ping\n\n"
"""A comment, which readers ignore, so that nothing in between takes a quiet stream for a dead one.
"""

CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"
_SLOT: Final = "assistants.events.sse"


def frame(event: str, data: str, *, entry_id: str = "") -> bytes:
    """One event. ``entry_id`` is what a browser sends back as ``Last-Event-ID`` when it
    reconnects.
    """
    head = f"id: {entry_id}\n" if entry_id else ""
    lines = data.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\ndata: ")
    return f"{head}event: {event}\ndata: {lines}\n\n".encode()


class EventStream(HttpResponse):
    """The head of a stream; ``frames`` begins its body."""

    def __init__(self, frames: Frames) -> None:
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Cache-Control": "no-cache, no-transform",
            # Tells nginx, and what speaks its language, to pass every frame on at once.
            "X-Accel-Buffering": "no",
        }
        super().__init__(headers=headers)
        self.frames = frames


def hand_over(request: HttpRequest, frames: Frames) -> EventStream:
    """The response with which a view leaves the rest to ``Streams``.

    Everything that can be refused must have been checked before. Where ``Streams`` is not around
    Django, as in Django's test client, the response is the head alone.
    """
    response = EventStream(frames)
    slot: list[Frames] = getattr(request, "scope", {}).get(_SLOT, [])
    slot[:] = [frames]
    return response


class Streams:
    """The ASGI application around Django: it takes over the streams that views hand over."""

    def __init__(self, django: Application) -> None:
        self._django = django

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self._django(scope, receive, send)
            return
        slot: list[Frames] = []
        heads: list[HTTPResponseStartEvent] = []

        async def keep_head_of_stream(event: ASGISendEvent) -> None:
            # The content type is looked at too, because a middleware may have answered instead.
            if slot and event["type"] == "http.response.start" and _is_stream(event):
                heads.append(event)
            elif not heads:
                await send(event)

        # In a task of its own: what Django leaves in the context of its task goes with it, and a
        # stream that stays open for hours does not keep it.
        handling = self._django({**scope, _SLOT: slot}, receive, keep_head_of_stream)
        await asyncio.create_task(handling)
        if heads:
            await send(_without_length(heads.pop()))
            await _stream(slot.pop(), receive, send)


def _is_stream(head: HTTPResponseStartEvent) -> bool:
    content_type = (b"content-type", CONTENT_TYPE.encode())
    return content_type in ((bytes(name).lower(), value) for name, value in head["headers"])


def _without_length(head: HTTPResponseStartEvent) -> HTTPResponseStartEvent:
    """Django has measured its empty body."""
    headers = [pair for pair in head["headers"] if bytes(pair[0]).lower() != b"content-length"]
    return {**head, "headers": headers}


_open: set[asyncio.Task[None]] = set()
"""What writes the streams that are open."""


def break_off_all() -> None:
    """End every open stream before its end, as a server that stops does: to its reader it is not
    whole, who asks for it anew. On the event loop of the server.
    """
    for writing in _open:
        writing.cancel()


async def _stream(frames: Frames, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    writing = asyncio.create_task(_write(frames, send))
    _open.add(writing)
    writing.add_done_callback(_open.discard)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        finished = writing.done()
        for task in (writing, leaving):
            task.cancel()
        await asyncio.gather(writing, leaving, return_exceptions=True)
    if finished and not writing.cancelled():
        # Raises what went wrong. The server then breaks the connection off, and the reader sees
        # that the stream is not whole.
        writing.result()


async def _write(frames: Frames, send: ASGISendCallable) -> None:
    async with aclosing(frames()) as stream:
        async for data in stream:
            await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

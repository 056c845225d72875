"""Streams that views hand over: their frames, their heads, their ends, and what they cost."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator

import httpx2
import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path
from pytest_django import Settings

from assistants.events.sse import PING, EventStream, Streams, frame, hand_over
from tests.api.serving import serving

closed = threading.Event()
"""Set when the endless stream was told that its reader has gone."""


async def two() -> AsyncGenerator[bytes, None]:
    yield frame("first", "1")
    await asyncio.sleep(0.01)
    yield frame("second", "2")


async def endless() -> AsyncGenerator[bytes, None]:
    try:
        while True:
            yield PING
            await asyncio.sleep(0.01)
    finally:
        closed.set()


async def broken() -> AsyncGenerator[bytes, None]:
    yield PING
    raise RuntimeError("the stream broke")


def handed_over(request: HttpRequest, name: str) -> HttpResponse:
    response = hand_over(request, {"two": two, "endless": endless, "broken": broken}[name])
    response["X-From-View"] = name
    return response


def ordinary(request: HttpRequest) -> HttpResponse:
    return HttpResponse("as ever")


def refused(request: HttpRequest) -> HttpResponse:
    hand_over(request, two)
    return HttpResponse("no", status=400)


urlpatterns = [
    path("ordinary", ordinary),
    path("refused", refused),
    path("<str:name>", handed_over),
]


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    settings.ROOT_URLCONF = sys.modules[__name__]
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    with serving(Streams(get_asgi_application())) as url:
        yield url


def test_a_frame_is_an_event_with_its_data() -> None:
    assert frame("done", "[DONE]") == b"event: done\ndata: [DONE]\n\n"
    assert frame("x", "{}", entry_id="1-0") == b"id: 1-0\nevent: x\ndata: {}\n\n"


def test_every_line_of_data_is_marked_as_such() -> None:
    assert frame("x", "a\nb\r\nc\rd") == b"event: x\ndata: a\ndata: b\ndata: c\ndata: d\n\n"


def test_the_frames_come_whole_and_then_the_end(address: str) -> None:
    response = httpx2.get(f"{address}/two")
    assert response.text == "event: first\ndata: 1\n\nevent: second\ndata: 2\n\n"


def test_the_head_is_the_views_own_with_middlewares_say(address: str) -> None:
    headers = httpx2.get(f"{address}/two").headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-from-view"] == "two"
    assert "content-length" not in headers


def test_a_stream_is_closed_when_its_reader_leaves(address: str) -> None:
    closed.clear()
    with httpx2.stream("GET", f"{address}/endless") as response:
        pieces = response.iter_bytes()
        assert next(pieces).startswith(PING)
        assert not closed.is_set()
    assert closed.wait(5)


def test_a_stream_that_fails_is_seen_to_be_broken_off(address: str) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{address}/broken")


def test_other_responses_pass_as_they_are(address: str) -> None:
    assert httpx2.get(f"{address}/ordinary").text == "as ever"


def test_a_refusal_after_the_hand_over_is_the_answer(address: str) -> None:
    response = httpx2.get(f"{address}/refused")
    assert (response.status_code, response.text) == (400, "no")


def test_open_streams_keep_no_threads(address: str) -> None:
    with httpx2.Client() as client:
        client.get(f"{address}/ordinary")
        before = threading.active_count()
        opened = [client.stream("GET", f"{address}/endless") for _ in range(20)]
        for stream in opened:
            stream.__enter__()
        # Django gives a request's thread back a moment after the head was sent.
        deadline = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threading.active_count() <= before
        for stream in opened:
            stream.__exit__(None, None, None)


def test_without_the_application_around_django_there_is_the_head(rf: RequestFactory) -> None:
    response = hand_over(rf.get("/"), two)
    assert isinstance(response, EventStream)
    assert response.frames is two
    assert response.content == b""

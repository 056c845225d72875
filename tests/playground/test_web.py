"""The web server stops: streams end at once, everything else is answered."""

import asyncio
import http.client
import logging
import socket
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from assistants.events import sse
from playground import web
from playground.settings import WEB_GRACE_SECONDS
from tests.until import until

HEAD = [(b"content-type", sse.CONTENT_TYPE.encode())]


async def frames() -> AsyncGenerator[bytes, None]:
    while True:
        yield sse.PING
        await asyncio.sleep(0.05)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """A stream that never ends; or the length of what is sent."""
    if scope["path"] == "/stream":
        scope[sse._SLOT][:] = [frames]
        await send({"type": "http.response.start", "status": 200, "headers": HEAD})
        return
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def test_a_server_that_stops_ends_streams_at_once_and_takes_uploads_to_their_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        sse.Streams(application),
        lifespan="off",
        timeout_graceful_shutdown=WEB_GRACE_SECONDS,
        **web.options(),
    )
    server = web.Server(config)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    serving.start()
    place = urlsplit(f"//127.0.0.1:{listener.getsockname()[1]}").netloc
    reading, uploading = (http.client.HTTPConnection(place, timeout=10) for _ in range(2))
    reading.request("GET", "/stream")
    stream = reading.getresponse()
    assert stream.readline()
    uploading.putrequest("POST", "/")
    uploading.putheader("Content-Length", "6")
    uploading.endheaders(b"one")
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        server.should_exit = True
        begun = time.monotonic()
        with pytest.raises(http.client.IncompleteRead):
            stream.read()
        assert time.monotonic() - begun < 1.5
        time.sleep(3.5)  # longer than uvicorn would wait if it were for streams too
        assert serving.is_alive()
        uploading.send(b"two")
        assert uploading.getresponse().read() == b"6"
        serving.join(5)
    assert not serving.is_alive()
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_server_that_has_no_port_does_not_say_that_it_begins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.INFO):
        config = uvicorn.Config(application, port=taken.getsockname()[1], **web.options())
        with pytest.raises(SystemExit):
            web.Server(config).run()
    assert "address already in use" in caplog.text
    assert "web begins" not in caplog.text


@pytest.mark.parametrize("finishes", [True, False])
def test_a_server_that_breaks_something_off_does_not_say_that_all_is_in_order(
    caplog: pytest.LogCaptureFixture, finishes: bool
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    place = urlsplit(f"//127.0.0.1:{listener.getsockname()[1]}").netloc
    config = uvicorn.Config(sse.Streams(application), timeout_graceful_shutdown=1, **web.options())
    server = web.Server(config)
    with caplog.at_level(logging.INFO):
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        serving.start()
        uploading = http.client.HTTPConnection(place, timeout=10)
        uploading.putrequest("POST", "/")
        uploading.putheader("Content-Length", "6")
        uploading.endheaders(b"one")
        until(lambda: bool(server.server_state.tasks), "nobody takes it in")
        assert "web begins, of version" in caplog.text
        if finishes:
            uploading.send(b"two")
            uploading.getresponse().read()
        server.should_exit = True
        serving.join(10)
    assert not serving.is_alive()
    assert ("web has ended in order" in caplog.text) == finishes

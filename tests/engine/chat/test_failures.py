"""What is told when a provider cannot be talked to: each time a real connection that fails so."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pytest_django import Settings

from assistants.engine.chat.clients import Clients
from assistants.engine.chat.patience import Patience
from assistants.engine.chat.stream import answer
from assistants.operations.chat_failures import ChatError
from assistants.operations.providers import Provider

# Nobody waits as long as this: what a server does is told when it does it, on a slow machine too.
PATIENCE = Patience(connect=60, first_token=60, silence=60, retries=0, longest_wait=0)
REQUEST = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}


def asked(url: str, patience: Patience = PATIENCE) -> str:
    """What the failure to ask this address is told as."""
    provider = Provider("openai", f"Model at {url}", base_url=url, api_key="none")

    async def ask() -> None:
        async for _ in answer(shared.of(provider), provider.label, REQUEST, patience):
            pass

    async def go() -> str:
        with pytest.raises(ChatError) as failed:
            await ask()
        await shared.aclose()
        assert failed.value.code == "server_error"
        return failed.value.message

    shared = Clients()
    return asyncio.run(go())


@contextmanager
def listening(answer_with: bytes | None) -> Iterator[int]:
    """A port that takes connections and says this, whatever it hears; None: it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                taken.append(connection)
                if answer_with is not None:
                    connection.recv(16)
                    connection.sendall(answer_with)
                    connection.close()

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


def test_a_port_where_nothing_listens_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    assert asked(url).startswith(f"Model at {url} refused the connection: nothing listens")


def test_a_host_name_that_nobody_has_cannot_be_resolved() -> None:
    url = "http://nowhere.invalid/v1"
    assert asked(url).startswith(f"Model at {url}: the host name cannot be resolved.")


def test_a_server_that_speaks_no_tls() -> None:
    with listening(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        told = asked(f"https://127.0.0.1:{port}/v1")
    assert "no secure connection (TLS) could be made" in told


def test_a_server_that_stays_silent_did_not_begin_to_answer() -> None:
    with listening(None) as port:
        told = asked(f"http://127.0.0.1:{port}/v1", replace(PATIENCE, first_token=0.5))
    assert told == (
        f"Model at http://127.0.0.1:{port}/v1 did not begin to answer within 0.5 s. Try again, "
        "choose another model, or give it more time with CHAT_FIRST_TOKEN_SECONDS."
    )


def test_a_server_that_cannot_be_connected_to_in_time(settings: Settings) -> None:
    settings.CHAT_CONNECT_SECONDS = 0.3
    # A full backlog: the machine takes no more connections for this port, and says nothing.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert "did not answer in time" in asked(f"http://127.0.0.1:{port}/v1")


def test_a_server_that_closes_the_connection() -> None:
    with listening(b"") as port:
        told = asked(f"http://127.0.0.1:{port}/v1")
    assert "closed the connection without an answer. Try again." in told


def test_a_server_that_speaks_no_http() -> None:
    with listening(b"SSH-2.0-OpenSSH_9.9\r\n") as port:
        told = asked(f"http://127.0.0.1:{port}/v1")
    assert "broke off: what it sent is not HTTP. Try again;" in told


@pytest.mark.parametrize("page", [b"", b"<html><h1>Internal Server Error</h1></html>"])
def test_an_error_without_a_word_of_why(page: bytes) -> None:
    head = f"HTTP/1.1 500 No\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
    with listening(head.encode() + page) as port:
        told = asked(f"http://127.0.0.1:{port}/v1")
    assert told.endswith(
        " failed (500): it does not say why. Try again in a moment; its own log may say more."
    )


def test_what_is_not_json() -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    with listening(head.encode() + b"{]") as port:
        told = asked(f"http://127.0.0.1:{port}/v1")
    assert "sent what is not JSON. Try again. If it happens each time, check that the" in told


@pytest.mark.parametrize(
    "kind, told",
    [
        ("text/html", "sent a web page instead of an answer. Check that the address is that of"),
        ("text/plain", "ended its answer before the first word. Its own log should say why."),
        ("text/event-stream", "ended its answer before the first word. Its own log should say"),
    ],
)
def test_a_server_that_is_no_chat_model(kind: str, told: str) -> None:
    page = b"<!DOCTYPE html><h1>Welcome to nginx</h1>"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(page)}\r\n\r\n"
    with listening(head.encode() + page) as port:
        assert told in asked(f"http://127.0.0.1:{port}/v1")

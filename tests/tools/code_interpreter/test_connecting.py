"""A host that no connection can be made to: what was never sent has run nothing."""

import socket
import time
from collections.abc import Iterator

import pytest

from assistants.tools.code_interpreter import client
from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable, Remote
from tests.tools.code_interpreter.interpreter_process import Session

PATIENCE = 1.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of this host that drops whoever wants to connect, as some firewalls do: its queue is
    full, and nobody takes anything from it.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        with socket.create_connection(address):
            yield address[1]


async def test_a_host_that_answers_no_connection_is_waited_for_and_then_told(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_CONNECT_SECONDS", 0.3)
    remote = Remote(f"https://127.0.0.1:{silent_port}", "0" * 32)
    async with Interpreter(remote, patience=PATIENCE) as connection:
        began = time.monotonic()
        with pytest.raises(InterpreterUnavailable) as told:
            await Session(connection, "thread").run("1")

    assert time.monotonic() - began >= PATIENCE
    assert "does not answer" in told.value.reason
    assert "127.0.0.1" not in told.value.shown

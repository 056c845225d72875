"""One interpreter for most tests, with limits that are quick to reach.

It keeps no kernel ready: most tests need little of what such a kernel takes two seconds to load.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from assistants.tools.code_interpreter.client import Interpreter
from tests.tools.code_interpreter.interpreter_process import (
    InterpreterProcess,
    Session,
    connected,
)


@pytest.fixture(scope="session")
def process() -> Iterator[InterpreterProcess]:
    started = InterpreterProcess("--memory", "500", "--disk", "100", "--warm", "0")
    yield started
    started.remove()


@pytest.fixture
async def client(process: InterpreterProcess) -> AsyncIterator[Interpreter]:
    async with connected(process) as connection:
        yield connection


@pytest.fixture
async def session(client: Interpreter, request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    """A session of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]
    yield Session(client, name)
    await client.close(name)


@pytest.fixture(scope="session")
def shared_session_name() -> str:
    """A session for tests that leave nothing behind: it spares the start of a kernel each."""
    return "shared"


@pytest.fixture
def shared(client: Interpreter, shared_session_name: str) -> Session:
    return Session(client, shared_session_name)

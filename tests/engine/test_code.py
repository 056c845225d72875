"""Code calls of a run, as far as they need no interpreter: that is tried with the whole stack."""

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from assistants.engine.host import Host
from assistants.models import RunStatus
from assistants.tools.code_interpreter.client import Ended, Interpreter
from tests.chat_server import ChatServer, text, tool_call
from tests.engine.conftest import MODEL, settled
from tests.factories import make_assistant, make_run, make_thread


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants.engine.host.INTERPRETER_SECONDS", 0.2)


def test_without_an_interpreter_the_chat_is_told_so_and_not_where_it_would_be(
    chat: ChatServer, host: Host, settings: Settings
) -> None:
    chat.reply(tool_call("code_interpreter", {"code": "1"}))
    chat.reply(text("It cannot run now."))
    assistant = make_assistant(model=MODEL, tools=[{"type": "code_interpreter"}])

    run = settled(make_run(make_thread(None, "Run it"), assistant))

    assert run.status == RunStatus.COMPLETED
    (call,) = run.steps.get(type="tool_calls").step_details["tool_calls"]
    (logs,) = call["code_interpreter"]["outputs"]
    assert logs["logs"].startswith("The code interpreter is not available: Its process does not")
    told = chat.requests[1].body["messages"][-1]["content"]
    for shown in (logs["logs"], told):
        assert settings.INTERPRETER_SOCKET not in shown
        assert "/" not in shown


def test_a_call_is_stopped_after_the_seconds_that_the_settings_say(
    chat: ChatServer, host: Host, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float] = []

    async def execute(*_: object, deadline: float) -> AsyncIterator[Ended]:
        deadlines.append(deadline)
        yield Ended("ok")

    monkeypatch.setattr(Interpreter, "execute", execute)
    settings.INTERPRETER_CALL_SECONDS = 7
    chat.reply(tool_call("code_interpreter", {"code": "1"}))
    chat.reply(text("Done."))
    assistant = make_assistant(model=MODEL, tools=[{"type": "code_interpreter"}])

    assert settled(make_run(make_thread(None, "Run it"), assistant)).status == RunStatus.COMPLETED
    assert deadlines == [7]

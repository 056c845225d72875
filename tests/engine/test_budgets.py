"""A run whose budget is used up while it runs."""

from typing import Any

import pytest

from assistants import refusals
from assistants.models import Run, RunStatus, TokenUse
from assistants.operations import budgets
from tests.chat_server import ChatServer, Gate, finish, text, tool_call, until, usage
from tests.engine.conftest import MODEL, settled
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.usefixtures("host")

CODE = {"type": "code_interpreter"}


def begun(**assistant: Any) -> Run:
    return make_run(make_thread(None, "Hi"), make_assistant(model=MODEL, **assistant))


def test_a_run_that_crosses_the_budget_makes_no_further_call(chat: ChatServer) -> None:
    budgets.set_of_project(make_project(), 2000, None)
    # A tool that is not there is answered at once, and the model asked again.
    chat.reply(tool_call("nothing", {}), usage(1500, 600), finish("tool_calls"))
    chat.reply(text("never said"))

    run = settled(begun(tools=[{"type": "function", "function": {"name": "weather"}}]))

    assert run.status == RunStatus.FAILED
    assert run.last_error == {
        "code": "rate_limit_exceeded",
        "message": refusals.QUOTA().message,
    }
    assert len(chat.requests) == 1
    assert TokenUse.objects.in_project(make_project().pk).tokens() == 2100


def test_a_call_that_has_begun_is_finished(chat: ChatServer) -> None:
    budgets.set_of_project(make_project(), 1, None)
    chat.reply(text("Hello."), usage(5000, 10))

    run = settled(begun())

    assert run.status == RunStatus.COMPLETED
    assert TokenUse.objects.in_project(make_project().pk).tokens() == 5010


def test_a_budget_that_is_set_while_a_run_goes_on_binds_its_next_call(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(until(gate), tool_call("nothing", {}), usage(10, 10), finish("tool_calls"))
    run = begun(tools=[{"type": "function", "function": {"name": "weather"}}])
    budgets.set_of_project(make_project(), 5, None)
    gate.open()

    assert settled(run).status == RunStatus.FAILED

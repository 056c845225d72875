"""The last lines of a start wait for what can be known, and tell its owner what a stranger is not
told.
"""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from playground import env, settings
from playground.runner.stack import (
    Stack,
    ask_interpreter,
    has_settled,
    say_what_is_off,
    why_no_code,
)

ANSWERING = {"parts": {"web": {"ok": True}, "worker": {"ok": True}, "interpreter": {"ok": True}}}
FAILING = {
    "parts": {
        "web": {"ok": True},
        "worker": {"ok": True},
        "interpreter": {"ok": False, "detail": "No Python session can be started."},
    }
}
WORKER_MISSING = {"parts": {"worker": {"ok": False}, "interpreter": {"ok": True}}}


async def test_the_interpreter_itself_is_asked_why_code_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "bubblewrap: install it"
    told = {"ok": False, "state": "off", "reason": reason, "walls": [], "packages": []}

    async def health(_request: web.Request) -> web.Response:
        return web.json_response(told)

    monkeypatch.setattr(settings, "INTERPRETER_SOCKET", str(tmp_path / "s"))
    assert await ask_interpreter() is None
    assert why_no_code(None) == ""

    application = web.Application()
    application.router.add_get("/health", health)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, settings.INTERPRETER_SOCKET).start()
    assert why_no_code(await ask_interpreter()) == "bubblewrap: install it"
    await runner.cleanup()


@pytest.mark.parametrize(
    "health, code, settled",
    [
        (ANSWERING, {"state": "ready", "reason": None}, True),
        (ANSWERING, {"state": "untried", "reason": None}, False),
        (ANSWERING, {"state": "off", "reason": "bubblewrap is missing"}, True),
        (FAILING, {"state": "failing", "reason": "no namespaces left"}, True),
        (FAILING, None, False),
        (WORKER_MISSING, {"state": "ready", "reason": None}, False),
    ],
)
def test_a_start_waits_until_everything_answers_and_a_python_session_was_tried(
    health: dict[str, Any], code: dict[str, Any] | None, settled: bool
) -> None:
    assert has_settled(health, code) is settled


def test_why_code_cannot_run_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_is_off(FAILING, "no namespaces left")
    said = capsys.readouterr().out
    assert "Code cannot run: no namespaces left" in said
    assert "Not answering" not in said


def test_beside_a_web_server_no_process_has_a_port_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "port").write_text("9464")
    monkeypatch.setenv("METRICS_PORT_FILE", str(tmp_path / "port"))
    for process in Stack().processes.values():
        with monkeypatch.context() as inside:
            for name, value in process.environment.items():
                inside.setenv(name, value)
            assert env.integer("METRICS_PORT", 0, 0, 65535) == 0

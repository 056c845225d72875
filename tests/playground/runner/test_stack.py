"""The last lines of a start tell its owner what a stranger is not told."""

from pathlib import Path

import pytest
from aiohttp import web

from playground import settings
from playground.runner.stack import why_code_is_off


async def test_the_owner_is_told_why_code_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"ok": False, "reason": "bubblewrap: install it", "walls": []})

    monkeypatch.setattr(settings, "INTERPRETER_SOCKET", str(tmp_path / "s"))
    assert await why_code_is_off() == ""

    application = web.Application()
    application.router.add_get("/health", health)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, settings.INTERPRETER_SOCKET).start()
    assert await why_code_is_off() == "bubblewrap: install it"
    await runner.cleanup()

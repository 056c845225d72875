"""All processes together: started in order, watched until they answer, stopped in order."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Printer

from playground import redis_server, settings
from playground.runner.kept import Kept, end_with_parent
from playground.runner.news import say
from playground.runner.places import CannotStart

# Who is stopped after whom: a worker that drains needs the interpreter, and everyone needs Redis.
STOPPING_ORDER = (("web", "beat"), ("worker",), ("interpreter",), ("redis",))
STOPPING_SECONDS = {"worker": 12.0}
# These run what others wrote, or need to know nothing: no key of ours is in their environment.
WITHOUT_SECRETS = {"redis", "interpreter"}
HARMLESS = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH")
PATIENCE_SECONDS = 60.0
# Where it was last started, for `make login`, which may not be told the port again.
ADDRESS = settings.DATA_DIR / "address"

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Stack:
    """Everything that the Procfile names."""

    def __init__(self) -> None:
        commands = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
        if not redis_server.is_ours():
            del commands["redis"]
        printer = Printer(
            sys.stdout,
            width=max(map(len, commands)),
            prefix=settings.LOG_FORMAT == "text",
        )
        colours = get_colours()
        self.processes = {
            name: Kept(
                name,
                command,
                environment_of(name),
                printer,
                next(colours),
                STOPPING_SECONDS.get(name, 6.0),
            )
            for name, command in commands.items()
        }
        self.is_up = False
        self._keeping: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Start everything, say where it is, and keep it running until a signal asks to stop.

        :raises CannotStart: a process ended by itself before everything was up
        """
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._on_end)
        try:
            await self._over
        finally:
            starting.cancel()
            await self._stop()

    def _on_signal(self) -> None:
        if self._over.done():
            say("Stopping at once.")
            for process in self.processes.values():
                process.signal(signal.SIGKILL)
        else:
            say("\nStopping ...")
            self._over.set_result(None)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A task of ours that ends with an error ends everything."""
        if not task.cancelled() and task.exception() and not self._over.done():
            self._over.set_exception(task.exception() or RuntimeError())

    def _keep(self, *names: str) -> None:
        for name in names:
            if name in self.processes:
                task = asyncio.create_task(self.processes[name].keep(lambda: self.is_up))
                task.add_done_callback(self._on_end)
                self._keeping[name] = task

    async def _start(self) -> None:
        # The interpreter needs nobody, and most time: it warms up while the database is looked at.
        self._keep("redis", "interpreter")
        if redis_server.is_ours():
            await self._until_redis_listens()
        prepared = json.loads(await manage("prepare"))
        self._keep(*(name for name in self.processes if name not in self._keeping))
        started = asyncio.get_running_loop().time()
        health = await ask_health()
        while not health or health["status"] != "ok":
            if health and asyncio.get_running_loop().time() - started > PATIENCE_SECONDS:
                break
            await asyncio.sleep(0.1)
            health = await ask_health()
        self.is_up = True
        # Made only now, since it is shown once and a start may fail.
        api_key = "" if prepared["has_api_key"] else (await manage("api_key", "First key")).strip()
        announce(prepared["login_token"], api_key, health, await why_code_is_off())
        ADDRESS.write_text(address())

    async def _until_redis_listens(self) -> None:
        while True:
            try:
                _reader, writer = await asyncio.open_unix_connection(redis_server.socket_path())
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    async def _stop(self) -> None:
        for names in STOPPING_ORDER:
            await asyncio.gather(
                *(self.processes[name].stop() for name in names if name in self._keeping)
            )
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)


def environment_of(name: str) -> dict[str, str]:
    """The environment that a process gets."""
    environment = dict(os.environ)
    if name in WITHOUT_SECRETS:
        environment = {key: os.environ[key] for key in HARMLESS if key in os.environ}
    return environment | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PROCESS": name,
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(settings.DATA_DIR),
        "RUNTIME_DIR": str(settings.RUNTIME_DIR),
        "SESSIONS_DIR": str(settings.DATA_DIR / "sessions"),
        "INTERPRETER_SOCKET": settings.INTERPRETER_SOCKET,
        "SANDBOX_PYTHON": str(settings.SANDBOX_PYTHON),
        "LOG_LEVEL": settings.LOG_LEVEL,
        "LOG_FORMAT": settings.LOG_FORMAT,
    }


async def manage(*arguments: str) -> str:
    """What a command of ``manage.py`` prints.

    :raises CannotStart: with what it complains about
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        *arguments,
        cwd=settings.BASE_DIR,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise CannotStart(errors.decode(errors="replace").strip())
    return output.decode()


async def ask_health() -> dict[str, Any] | None:
    """What GET /healthz says, whether good or bad; None while nobody listens."""
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    return await _get("/healthz", asyncio.open_connection(host, settings.PORT))


async def why_code_is_off() -> str:
    """The interpreter's own reason, with the cure; empty when code can run. GET /healthz, which
    anyone may ask, does not tell it.
    """
    link = asyncio.open_unix_connection(settings.INTERPRETER_SOCKET)
    told = await _get("/health", link)
    return str(told["reason"] or "") if told else ""


async def _get(path: str, opening: Awaitable[Link]) -> dict[str, Any] | None:
    """The JSON at ``path``; None without an answer."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await opening
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
        return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))
    except (OSError, TimeoutError, ValueError):
        return None


def address() -> str:
    """Where a person finds it."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"


def announce(
    login_token: str | None, api_key: str, health: dict[str, Any], code_is_off: str
) -> None:
    """Where it is and how to get in: the last lines of a start. ``code_is_off`` says why, if so."""
    token, once = (login_token, " (works once)") if login_token else ("$PLAYGROUND_LOGIN_TOKEN", "")
    say(f"\nAssistants Playground runs at {address()}")
    say(f"  Sign in:  {address()}/login?token={token}{once}")
    if api_key:
        say(f"  API key:  {api_key} (shown only now)")
    say(f"  For SDKs: base_url={address()}/v1")
    for name, part in health["parts"].items():
        if not part["ok"]:
            say(f"  Not answering yet: {name} ({part['detail']})")
    if code_is_off:
        say(f"  The code interpreter is off: {code_is_off}")
    say("  Stop with Ctrl+C.\n")

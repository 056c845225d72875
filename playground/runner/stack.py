"""All processes together: started in order, watched until they answer, stopped in order."""

import asyncio
import functools
import json
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Printer

from playground import redis_server, settings
from playground.runner.kept import STOP_ARRIVES_SECONDS, Kept, end_with_parent
from playground.runner.news import say
from playground.runner.places import CannotStart
from playground.runner.watch import watch

# Who is stopped after whom: a worker that drains needs the interpreter, and everyone needs Redis.
STOPPING_ORDER = (("web", "beat"), ("worker",), ("interpreter",), ("redis",))
STOPPING_SECONDS = {
    "web": settings.WEB_GRACE_SECONDS + 4.0,
    "worker": settings.WORKER_GRACE_SECONDS + 4.0,
}
# Redis comes to heed SIGINT alone (redis_server.py); while it starts, SIGTERM is quicker.
STOP_SIGNALS = {"redis": (signal.SIGTERM, signal.SIGINT)}
# Make and timeout may pass one Ctrl+C on twice; a person who means a second one takes longer.
ONE_PRESS_SECONDS = 0.5
# These run what others wrote, or need to know nothing: no key of ours is in their environment.
WITHOUT_SECRETS = {"redis", "interpreter"}
HARMLESS = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH")
PATIENCE_SECONDS = 60.0
# Where it was last started, for `make login`, which may not be told the port again.
ADDRESS = settings.DATA_DIR / "address"

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Stack:
    """Everything that the Procfile names.

    :param lent: descriptors that every process keeps open as long as it runs
    """

    def __init__(self, lent: Sequence[int] = ()) -> None:
        commands = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
        if not redis_server.is_ours():
            del commands["redis"]
        if settings.INTERPRETER_URL:
            del commands["interpreter"]
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
                # The web server beside it tells of every process.
                environment_of(name) | {"METRICS_PORT": "", "METRICS_PORT_FILE": ""},
                printer,
                next(colours),
                STOPPING_SECONDS.get(name, 6.0),
                STOP_SIGNALS.get(name, (signal.SIGTERM,)),
                lent,
            )
            for name, command in commands.items()
        }
        self.is_up = False
        self._stopping_since = 0.0
        self._keeping: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Start everything, say where it is, and keep it running until a signal asks to stop.

        :raises CannotStart: a process ended by itself before everything was up
        """
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._on_end)
        try:
            await self._over
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._stop()

    def _on_signal(self, number: signal.Signals) -> None:
        """The first asks everything to end. Only a second Ctrl+C makes that short: SIGTERM may come
        more than once, from make and from whoever told make.
        """
        now = asyncio.get_running_loop().time()
        if not self._over.done():
            self._let_end()
            self._stopping_since = now
            self._over.set_result(None)
            say("\nStopping ...")
        elif number == signal.SIGINT and now - self._stopping_since > ONE_PRESS_SECONDS:
            say("Stopping at once.")
            for process in self.processes.values():
                process.kill()

    def _let_end(self) -> None:
        for process in self.processes.values():
            process.let_end()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A task of ours that ends with an error ends everything, unless a stop was why."""
        if task.cancelled() or not (error := task.exception()):
            return

        def give_up() -> None:
            if not self._over.done():
                self._let_end()
                self._stopping_since = asyncio.get_running_loop().time()
                self._over.set_exception(error)

        asyncio.get_running_loop().call_later(STOP_ARRIVES_SECONDS, give_up)

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
        while True:
            health, code = await asyncio.gather(ask_health(), ask_interpreter())
            patience = PATIENCE_SECONDS - (asyncio.get_running_loop().time() - started)
            if health and (patience <= 0 or has_settled(health, code)):
                break
            await asyncio.sleep(0.1)
        self.is_up = True
        # Made only now, since it is shown once and a start may fail.
        api_key = "" if prepared["has_api_key"] else (await manage("api_key", "First key")).strip()
        announce(prepared["login_token"], api_key)
        say_what_is_off(health, why_no_code(code))
        say("  Stop with Ctrl+C.\n")
        ADDRESS.write_text(address())
        await watch(self.processes, ask_health)

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
        start_new_session=True,  # so that Ctrl+C reaches the runner only
        preexec_fn=end_with_parent,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    if process.returncode:
        said = errors.decode(errors="replace").strip().splitlines()
        raise CannotStart("\n".join(line.removeprefix("CommandError: ") for line in said))
    return output.decode()


async def ask_health() -> dict[str, Any] | None:
    """What GET /healthz says, whether good or bad; None while nobody listens."""
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    health = await _get("/healthz", asyncio.open_connection(host, settings.PORT))
    # Somebody else may listen there.
    return health if health and isinstance(health.get("parts"), dict) else None


async def ask_interpreter() -> dict[str, Any] | None:
    """What the interpreter says of itself (``outputs.Health``), or only the reason why it does not;
    None while it does not answer.
    """
    if not settings.INTERPRETER_URL:
        return await _get("/health", asyncio.open_unix_connection(settings.INTERPRETER_SOCKET))
    there = urlsplit(settings.INTERPRETER_URL)
    headers = f"Host: {there.netloc}\r\nAuthorization: Bearer {settings.INTERPRETER_TOKEN}"
    opening = asyncio.open_connection(
        there.hostname, there.port or 443, ssl=_tls(settings.INTERPRETER_CA)
    )
    try:
        return await _get("/health", opening, headers)
    except ssl.SSLCertVerificationError as error:
        return {"reason": f"The code interpreter's certificate is refused: {error.verify_message}."}


@functools.cache
def _tls(authority: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def has_settled(health: dict[str, Any], code: dict[str, Any] | None) -> bool:
    """Whether waiting changes nothing more: everything answers, and the first Python session has
    started, or has not.
    """
    missing = {name for name, part in health["parts"].items() if not part["ok"]}
    if why_no_code(code):
        missing.discard("interpreter")
    return not missing and code is not None and code.get("state") != "untried"


def why_no_code(code: dict[str, Any] | None) -> str:
    """The interpreter's own reason, with the cure; empty when code can run. GET /healthz, which
    anyone may ask, does not tell it.
    """
    return str(code["reason"] or "") if code else ""


async def _get(
    path: str, opening: Awaitable[Link], headers: str = "Host: localhost"
) -> dict[str, Any] | None:
    """The JSON object at ``path``; None without an answer, or with another.

    :raises ssl.SSLCertVerificationError: whoever answers is not who we wanted
    """
    try:
        async with asyncio.timeout(5):
            reader, writer = await opening
            try:
                writer.write(f"GET {path} HTTP/1.0\r\n{headers}\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
        return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))
    except ssl.SSLCertVerificationError:  # which is an OSError and a ValueError
        raise
    except (OSError, TimeoutError, ValueError, TypeError):
        return None


def address() -> str:
    """Where a person finds it."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"


def announce(login_token: str | None, api_key: str) -> None:
    """Where it is and how to get in."""
    token, once = "$PLAYGROUND_LOGIN_TOKEN", ""
    if login_token:
        token, once = login_token, f" (works once, within {settings.LOGIN_LINK_HOURS} h)"
    say(f"\nAssistants Playground runs at {address()}")
    say(f"  Sign in:  {address()}/login?token={token}{once}")
    if api_key:
        say(f"  API key:  {api_key} (shown only now)")
    else:
        say("  API key:  unchanged (make key, or manage.py api_key NAME, makes another)")
    say(f"  For SDKs: base_url={address()}/v1")


def say_what_is_off(health: dict[str, Any], no_code: str) -> None:
    """What does not answer. ``no_code`` says why no code can run, if so."""
    for name, part in health["parts"].items():
        if not part["ok"] and not (name == "interpreter" and no_code):
            say(f"  Not answering yet: {name} ({part['detail']})")
    if no_code:
        say(f"  Code cannot run: {no_code}")

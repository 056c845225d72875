"""The whole product as real processes: what ``make run`` starts, in its own folder and port."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests import postgres
from tests.chat_server import ChatServer

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


class Stack:
    """Starts on entering, is stopped on leaving.

    ``url`` is where it listens; ``api_key`` and ``login_path`` open it for as long as it runs;
    ``chat`` is the played model, which it knows as an OpenAI provider; ``data_dir`` is its own.
    """

    api_key = "sk-tests-only"
    login_token = "tests-only"
    metrics_token = "tests-only"

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data_dir = folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.login_path = f"/login?token={self.login_token}"
        self.chat = ChatServer()
        self._environment = environment
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "output.log"
        self._said_before = 0
        self._runner: subprocess.Popen[bytes] | None = None
        self._database = ExitStack()

    def __enter__(self) -> Self:
        self.chat.__enter__()
        try:
            if postgres.is_wanted() and "DATABASE_URL" not in self._environment:
                name = f"stack-{secrets.token_hex(4)}"
                url = self._database.enter_context(postgres.database(postgres.running(), name))
                self._environment = {"DATABASE_URL": url, **self._environment}
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._database.close()
        self.chat.__exit__(kind, error, traceback)

    def start(self) -> float:
        """Start all processes; the seconds until the runner said that everything answers."""
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "PLAYGROUND_API_KEY": self.api_key,
            "PLAYGROUND_LOGIN_TOKEN": self.login_token,
            "METRICS_TOKEN": self.metrics_token,
            # nginx is before it in some tests.
            "FORWARDED_ALLOW_IPS": "127.0.0.1",
            "OPENAI_API_KEY": "played",
            "OPENAI_BASE_URL": self.chat.url,
        }
        begun = time.monotonic()
        with self._log.open("ab") as log:
            self._said_before = log.tell()
            self._runner = subprocess.Popen(
                [sys.executable, "-m", "playground.runner"],
                cwd=ROOT,
                env={**clean_environment(), **settings, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while b"Stop with Ctrl+C" not in self._said():
            assert self._runner.poll() is None, f"It did not start:\n{self.output()}"
            assert time.monotonic() - begun < START_SECONDS, f"It takes too long:\n{self.output()}"
            time.sleep(0.05)
        return time.monotonic() - begun

    @property
    def is_running(self) -> bool:
        return self._runner is not None and self._runner.poll() is None

    def stop(self) -> int | None:
        """Ask it to stop, as Ctrl+C does; the runner's exit code."""
        if self._runner is None:
            return None
        if self._runner.poll() is not None:
            return self._runner.returncode
        self._runner.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Until the runner has ended; its exit code."""
        assert self._runner
        try:
            return self._runner.wait(30)
        except subprocess.TimeoutExpired:
            self._runner.kill()
            raise

    def output(self, lines: int = 200) -> str:
        """The last lines that the processes have printed since they were last started."""
        return "\n".join(self._said().decode(errors="replace").splitlines()[-lines:])

    def _said(self) -> bytes:
        return self._log.read_bytes()[self._said_before :] if self._log.exists() else b""

    def processes(self) -> list[psutil.Process]:
        """The runner and everything below it."""
        assert self._runner
        runner = psutil.Process(self._runner.pid)
        return [runner, *runner.children(recursive=True)]

    @property
    def redis_url(self) -> str:
        """Where its Redis listens."""
        folder = psutil.Process(self.pid_of("web")).environ()["RUNTIME_DIR"]
        return f"unix://{folder}/redis.sock"

    def pid_of(self, name: str) -> int:
        """The process of a line of the Procfile: web, worker, beat, interpreter, redis."""
        assert self._runner
        for child in psutil.Process(self._runner.pid).children():
            # A Redis writes its title over its environment.
            is_redis = child.name() in {"redis-server", "valkey-server"}
            if name == ("redis" if is_redis else child.environ().get("PROCESS")):
                return child.pid
        raise LookupError(f"no process {name}")


def clean_environment() -> dict[str, str]:
    """What a person's shell has, without what the tests have added."""
    ours = (
        "MAKELEVEL",
        "MAKEFLAGS",
        "MFLAGS",
        "DJANGO_SETTINGS_MODULE",
        "DATA_DIR",
        "DATABASE_URL",
    )
    return {name: value for name, value in os.environ.items() if name not in ours}


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

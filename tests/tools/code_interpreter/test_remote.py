"""An interpreter on another host, reached over TLS by whoever has the token and by nobody else."""

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web
from pytest_django import Settings

from assistants.tools.code_interpreter.client import (
    Ended,
    Interpreter,
    InterpreterUnavailable,
    Remote,
)
from playground import interpreter as studio
from playground import settings as runner_settings
from playground.runner import stack
from tests.tools.code_interpreter.interpreter_process import (
    ROOT,
    InterpreterProcess,
    Session,
    an_input,
)
from tests.tools.code_interpreter.test_calls import SINE
from tests.tools.code_interpreter.two_hosts import Certificates, Hosts, free_port, two_hosts

TOKEN = "0123456789abcdef" * 4
MEGABYTES = 5


@dataclass(frozen=True)
class There:
    """The other host, and the process on it."""

    hosts: Hosts
    port: int
    papers: Certificates
    certificate: Path
    process: InterpreterProcess

    @property
    def remote(self) -> Remote:
        """How it is reached as it should be, with little patience for silence."""
        url = f"https://{self.hosts.address}:{self.port}"
        return Remote(url, TOKEN, self.papers.authority, silence=3)

    def environment(self) -> dict[str, str]:
        """The settings that say so."""
        return {
            "INTERPRETER_URL": self.remote.url,
            "INTERPRETER_TOKEN": TOKEN,
            "INTERPRETER_CA": str(self.papers.authority),
        }


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder = tmp_path_factory.mktemp("remote")
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    papers = Certificates(folder, "ours")
    with two_hosts() as hosts:
        port = 8443 if hosts.namespace else free_port()
        certificate, key = papers.server("server", hosts.address)
        process = InterpreterProcess(
            *("--warm", "0", "--listen", f"{hosts.address}:{port}"),
            *("--certificate", str(certificate), "--key", str(key), "--token-file", str(token)),
            within=hosts.within,
        )
        yield There(hosts, port, papers, certificate, process)
        process.stop()
        said = process.said()
        process.remove()
        assert TOKEN not in said


@pytest.fixture(autouse=True)
async def on_the_clients_host(there: There) -> AsyncIterator[None]:
    async with Interpreter(there.process.socket) as beside:
        await there.process.answers(beside)
    with there.hosts.client():
        yield


@pytest.fixture
async def client(there: There) -> AsyncIterator[Interpreter]:
    async with Interpreter(there.remote) as connection:
        yield connection


@pytest.fixture
async def session(client: Interpreter, request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    name = request.node.name.replace("_", "-")[:100]
    yield Session(client, name)
    await client.close(name)


async def test_code_runs_there_and_its_variables_stay(session: Session) -> None:
    assert (await session.run("x = 1 + 1\nx")).outputs[-1] == Ended("ok", None)
    assert (await session.run("x")).logs == "2\n"
    health = await session.client.health()
    assert (health.ok, health.state) == (True, "ready")
    assert all(wall.ok or wall.extra for wall in health.walls)


async def test_files_go_there_and_come_back(session: Session, tmp_path: Path) -> None:
    sent = os.urandom(MEGABYTES * 1024 * 1024)
    code = "data = open('in.bin', 'rb').read()\nopen('out.bin', 'wb').write(data[::-1]);"
    gave = await session.run(code, [an_input("file-1", "in.bin", sent)])

    saved = gave.files["/mnt/data/out.bin"]
    assert saved.size == len(sent)
    assert await session.fetch(saved) == sent[::-1]
    target = tmp_path / "taken"
    await session.client.take(session.name, saved.output_id, target)
    assert target.read_bytes() == sent[::-1]
    with pytest.raises(FileNotFoundError):
        await session.fetch(saved)


async def test_a_plot_comes_back_as_an_image(session: Session) -> None:
    (image,) = (await session.run(SINE)).images
    assert (await session.fetch(image)).startswith(b"\x89PNG")


async def test_an_interrupt_reaches_it(session: Session) -> None:
    await session.run("1")  # so that the code begins at once
    running = asyncio.create_task(session.run("kept = 6\nwhile True: pass"))
    await asyncio.sleep(0.7)
    await session.client.interrupt(session.name)
    assert (await running).end.outcome == "interrupted"
    assert (await session.run("kept")).logs == "6\n"


async def refusal_of(remote: Remote) -> str:
    """Why a call is refused, which the health says as well; at once, and not after a wait."""
    began = time.monotonic()
    async with Interpreter(remote) as stranger:
        with pytest.raises(InterpreterUnavailable) as refused:
            await Session(stranger, "stranger").run("1")
        health = await stranger.health()
    assert time.monotonic() - began < 5
    assert (health.ok, health.reason) == (False, refused.value.reason)
    told = f"{refused.value.reason} {refused.value.shown} {remote!r}"
    assert not remote.token or remote.token not in told
    assert remote.url not in refused.value.shown
    return refused.value.reason


@contextlib.asynccontextmanager
async def answering(there: There, application: web.Application, name: str) -> AsyncIterator[str]:
    """The URL of another server, with a certificate of our authority for `name`."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*there.papers.server("another", name))
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.3", port, ssl_context=tls).start()
    yield f"https://127.0.0.3:{port}"
    await runner.cleanup()


@pytest.mark.parametrize("token", ["f" * 64, TOKEN[:-1], TOKEN + "0", "", "\u00e9" * 20])
async def test_a_wrong_token_is_refused(there: There, token: str) -> None:
    why = await refusal_of(replace(there.remote, token=token))
    assert "refuses the token" in why
    assert "INTERPRETER_TOKEN" in why


async def test_without_the_token_nothing_is_answered_not_even_what_exists(there: There) -> None:
    tls = ssl.create_default_context(cafile=there.papers.authority)
    for method, path in (("GET", "/health"), ("GET", "/nothing"), ("DELETE", "/sessions/a")):
        link = http.client.HTTPSConnection(there.hosts.address, there.port, timeout=5, context=tls)
        link.request(method, path)
        assert link.getresponse().status == 401
        link.close()


async def test_whether_it_is_well_is_told_to_anyone_and_its_numbers_with_the_token(
    there: There, session: Session
) -> None:
    def ask(path: str, **headers: str) -> tuple[int, str]:
        tls = ssl.create_default_context(cafile=there.papers.authority)
        link = http.client.HTTPSConnection(there.hosts.address, there.port, timeout=5, context=tls)
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        told = answer.status, answer.read().decode()
        link.close()
        return told

    def counted(outcome: str) -> float:
        status, told = ask("/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        assert "playground_interpreter_up 1.0" in told
        name = f'playground_interpreter_calls_total{{outcome="{outcome}"}} '
        return float(told.partition(name)[2].split("\n")[0] or 0)

    assert ask("/readyz") == ask("/healthz") == (200, '{"status": "ok"}')
    assert ask("/metrics")[0] == 401
    before = counted("ok"), counted("error")
    await session.run("1")
    await session.run("1 / 0")
    assert (counted("ok"), counted("error")) == (before[0] + 1, before[1] + 1)


async def test_a_certificate_of_another_authority_is_refused(there: There, tmp_path: Path) -> None:
    other = Certificates(tmp_path, "others").authority
    why = await refusal_of(replace(there.remote, authority=other))
    assert "certificate is refused" in why
    assert "INTERPRETER_CA" in why
    # Those that the system trusts have not signed it either.
    assert "certificate is refused" in await refusal_of(replace(there.remote, authority=None))


async def test_a_certificate_for_another_host_is_refused(there: There) -> None:
    """Ours is for one address; what answers at another has a certificate of the same authority."""
    async with answering(there, web.Application(), there.hosts.address) as url:
        assert "certificate is refused" in await refusal_of(replace(there.remote, url=url))


async def test_plain_http_is_not_answered(there: There) -> None:
    link = http.client.HTTPConnection(there.hosts.address, there.port, timeout=5)
    link.request("GET", "/health", headers={"Authorization": f"Bearer {TOKEN}"})
    with pytest.raises((http.client.HTTPException, OSError)):
        link.getresponse()
    link.close()


async def test_it_tells_no_path_of_its_host(there: There, session: Session) -> None:
    gave = await session.run("open('a.txt', 'w').write('a');")
    path = f"/sessions/{session.name}/outputs/{gave.files['/mnt/data/a.txt'].output_id}"
    tls = ssl.create_default_context(cafile=there.papers.authority)
    link = http.client.HTTPSConnection(there.hosts.address, there.port, timeout=5, context=tls)
    link.request("HEAD", path, headers=there.remote.headers())
    answer = link.getresponse()
    assert answer.status == 200
    assert "Output-Path" not in answer.headers
    link.close()


async def test_a_host_that_was_taken_over_cannot_take_a_file_of_ours(
    there: There, tmp_path: Path
) -> None:
    own, target = tmp_path / "own", tmp_path / "target"
    own.write_text("own")

    async def output(_request: web.Request) -> web.Response:
        return web.Response(body=b"its", headers={"Output-Path": str(own)})

    application = web.Application()
    application.router.add_route("*", "/sessions/s/outputs/o", output)
    async with (
        answering(there, application, "127.0.0.3") as url,
        Interpreter(replace(there.remote, url=url)) as client,
    ):
        await client.take("s", "o", target)

    assert own.read_text() == "own"
    assert target.read_bytes() == b"its"


async def test_code_there_reaches_neither_hosts_network(there: There, session: Session) -> None:
    with socket.create_server((_own_address(there), 0)) as here:
        addresses = [(there.hosts.address, there.port), here.getsockname()]
        for address in addresses:  # they can be reached, but not by the code
            socket.create_connection(address, timeout=5).close()
        gave = await session.run(
            "import socket\n"
            f"for address in {addresses!r}:\n"
            "    try: print(socket.create_connection(address, timeout=2))\n"
            "    except OSError as error: print('refused', error.errno)"
        )
    assert [line.split()[0] for line in gave.logs.splitlines()] == ["refused", "refused"]


def _own_address(there: There) -> str:
    """Of the client's host, as the server's host sees it."""
    with socket.create_connection((there.hosts.address, there.port), timeout=5) as link:
        address: str = link.getsockname()[0]
        return address


async def test_after_its_end_the_next_call_has_the_files_and_says_that_variables_are_gone(
    there: There, session: Session
) -> None:
    await session.run("x = 1\nopen('kept.txt', 'w').write('kept');")
    running = asyncio.create_task(
        session.run("import time; print('on', flush=True); time.sleep(60)")
    )
    await asyncio.sleep(0.7)
    there.process.kill()
    cut_off = await running
    assert cut_off.end.outcome == "died"
    assert "connection to the code interpreter broke off" in cut_off.note

    waiting = asyncio.create_task(session.run("print('x' in globals(), open('kept.txt').read())"))
    await asyncio.sleep(0.3)  # it waits for a process that is started again
    there.process.restart()
    gave = await waiting
    assert gave.logs == "False kept\n"
    assert "variables and imports of earlier calls are gone" in gave.note


@pytest.mark.parametrize("reset", [False, True])
async def test_a_call_whose_connection_breaks_before_an_answer_is_not_made_again(
    there: There, reset: bool
) -> None:
    """It may have begun; to run it twice might send or delete something twice."""
    calls: list[str] = []

    async def break_off(request: web.Request) -> web.Response:
        calls.append(await request.text())
        assert request.transport is not None
        if reset:
            request.transport.abort()
        request.transport.close()
        await asyncio.sleep(1)
        raise AssertionError

    application = web.Application()
    application.router.add_post("/sessions/s/execute", break_off)
    async with (
        answering(there, application, "127.0.0.3") as url,
        Interpreter(replace(there.remote, url=url), patience=5) as client,
    ):
        gave = await Session(client, "s").run("1")

    assert len(calls) == 1
    assert gave.end.outcome == "died"
    assert "broke off" in gave.note


async def test_a_newer_process_may_tell_more(there: There) -> None:
    async def health(_request: web.Request) -> web.Response:
        wall = {"name": "moat", "ok": True, "detail": "wet", "extra": False, "depth": 3}
        told = {"ok": True, "state": "ready", "reason": None, "sessions": 0, "warm": 0}
        return web.json_response({**told, "walls": [wall], "packages": [], "mood": "good"})

    application = web.Application()
    application.router.add_get("/health", health)
    async with (
        answering(there, application, "127.0.0.3") as url,
        Interpreter(replace(there.remote, url=url)) as client,
    ):
        told = await client.health()

    assert told.ok, told
    assert [wall.name for wall in told.walls] == ["moat"]


async def test_an_authority_that_cannot_be_read_is_a_reason(there: There, tmp_path: Path) -> None:
    (tmp_path / "no-pem").write_text("nothing")
    for file in ("nowhere", "no-pem"):
        remote = replace(there.remote, authority=tmp_path / file)
        async with Interpreter(remote) as client:
            assert "INTERPRETER_CA" in str((await client.health()).reason)
            assert await client.packages() == []
            with pytest.raises(InterpreterUnavailable, match="INTERPRETER_CA"):
                await Session(client, "s").run("1")


async def test_a_host_that_falls_silent_ends_the_call_and_variables_outlive_it(
    there: There, session: Session
) -> None:
    if not there.hosts.cable:
        pytest.skip("only root can pull the cable between two hosts")
    await session.run("x = 1")
    running = asyncio.create_task(session.run("while True: pass", deadline=100))
    await asyncio.sleep(0.5)
    there.hosts.plug("down")
    try:
        began = time.monotonic()
        gave = await running
        assert time.monotonic() - began < 3 * there.remote.silence
        assert gave.end.outcome == "died"
        assert "broke off" in gave.note
    finally:
        there.hosts.plug("up")
    # The call there is stopped once its side notices.
    assert (await session.run("x")).outputs[-1] == Ended("ok", None)


async def test_a_new_certificate_is_read_on_a_signal_and_variables_stay(
    there: There, session: Session
) -> None:
    def serial() -> str:
        pem = ssl.get_server_certificate(
            (there.hosts.address, there.port), ca_certs=str(there.papers.authority)
        )
        read = ("openssl", "x509", "-noout", "-serial")
        return subprocess.run(read, input=pem, text=True, check=True, capture_output=True).stdout

    await session.run("x = 3")
    before = serial()
    there.papers.server("server", there.hosts.address)
    there.process.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 5
    while serial() == before:
        assert time.monotonic() < deadline, there.process.said()
        await asyncio.sleep(0.05)
    assert (await session.run("x")).logs == "3\n"

    # Neither what is no certificate nor one that the key does not fit takes its place.
    good, before = there.certificate.read_bytes(), serial()
    other, _ = Certificates(there.certificate.parent, "other").server(
        "other-server", there.hosts.address
    )
    for times, bad in enumerate((b"nothing", other.read_bytes()), 1):
        there.certificate.write_bytes(bad)
        there.process.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while there.process.said().count("stays as it was") < times:
            assert time.monotonic() < deadline, there.process.said()
            await asyncio.sleep(0.05)
        assert serial() == before
        assert (await session.run("x")).logs == "3\n"
    there.certificate.write_bytes(good)


async def test_sandbox_check_asks_the_host_that_the_settings_name(
    there: There, tmp_path: Path
) -> None:
    def check(**changed: str) -> subprocess.CompletedProcess[str]:
        settings = {"DJANGO_SETTINGS_MODULE": "playground.settings", "DATA_DIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "manage.py", "sandbox", "check"],
            cwd=ROOT,
            env={**os.environ, **settings, **there.environment(), **changed},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = check()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"What {there.remote.url} says of itself:")
    assert done.stdout.endswith("The code interpreter is on.\n")
    refused = check(INTERPRETER_TOKEN="f" * 64)
    assert refused.returncode == 1
    assert "refuses the token" in refused.stdout


async def test_the_studio_asks_it_how_it_is(there: There, settings: Settings) -> None:
    for name, value in there.environment().items():
        setattr(settings, name, value)
    studio._tls.cache_clear()
    told = studio.ask(5)
    assert told.ok
    assert any(package.startswith("numpy ") for package in told.packages)

    settings.INTERPRETER_TOKEN = "f" * 64
    with pytest.raises(studio.NoAnswer, match="refuses INTERPRETER_TOKEN"):
        studio.ask(5)
    settings.INTERPRETER_CA = None
    with pytest.raises(studio.NoAnswer, match="certificate is refused"):
        studio.ask(5)


async def test_a_start_asks_it_and_starts_none_of_its_own(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "interpreter" in stack.Stack().processes
    for name, value in there.environment().items():
        monkeypatch.setattr(runner_settings, name, value)
    assert "interpreter" not in stack.Stack().processes
    stack._tls.cache_clear()
    told = await stack.ask_interpreter()
    assert told is not None
    assert told["state"] in {"untried", "ready"}

    monkeypatch.setattr(runner_settings, "INTERPRETER_TOKEN", "f" * 64)
    assert "refuses the token" in stack.why_no_code(await stack.ask_interpreter())
    monkeypatch.setattr(runner_settings, "INTERPRETER_CA", None)
    stack._tls.cache_clear()
    assert "certificate is refused" in stack.why_no_code(await stack.ask_interpreter())


@pytest.mark.parametrize(
    "missing, token, why",
    [
        ("--certificate", TOKEN, "go together"),
        ("--key", TOKEN, "go together"),
        ("--token-file", TOKEN, "go together"),
        ("--listen", TOKEN, "go together"),
        ("", "short", "holds no token"),
        ("", "", "holds no token"),
        ("", TOKEN.replace("0", " "), "holds no token"),
    ],
)
def test_it_does_not_start_on_a_network_without_certificate_and_token(
    there: There, tmp_path: Path, missing: str, token: str, why: str
) -> None:
    (tmp_path / "token").write_text(token)
    said = _start(tmp_path, missing, there.certificate, there.certificate.with_suffix(".key"))
    assert why in said
    assert not token or token not in said


def test_it_does_not_start_with_a_key_of_another_certificate(there: There, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    _, other = Certificates(tmp_path, "others").server("server", there.hosts.address)
    assert "no certificate and its key" in _start(tmp_path, "", there.certificate, other)


def _start(folder: Path, missing: str, certificate: Path, key: Path) -> str:
    """What a server says that does not start."""
    options = {
        "--listen": f"127.0.0.1:{free_port()}",
        "--certificate": str(certificate),
        "--key": str(key),
        "--token-file": str(folder / "token"),
    }
    options.pop(missing, None)
    process = InterpreterProcess(*(part for option in options.items() for part in option))
    assert process.process.wait(timeout=30) == 1
    said = process.said()
    assert not process.is_listening
    process.remove()
    return said

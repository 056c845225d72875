"""Several hosts: two web servers, two workers, one PostgreSQL, Redis and interpreter, none of which
share anything but what they say over a network: each has a DATA_DIR of its own, files are on S3.

Nobody is sent to the same web server twice, and either worker may have any run.
"""

import functools
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from assistants.events.fold import fold
from assistants.events.log import Entry
from playground.redis_server import find_server
from tests import network, object_store, postgres
from tests.chat_server import ChatServer, pause, text, tool_call
from tests.network import Network
from tests.stack import ROOT, clean_environment
from tests.tools.code_interpreter.interpreter_process import InterpreterProcess
from tests.tools.code_interpreter.two_hosts import Certificates
from tests.until import until

KEY, TOKEN = "sk-hosts", "t" * 40
NAMES = ("store", "web1", "web2", "work1", "work2")
PORT, OWN_PORT = 8000, 9464
TERMINAL = {"completed", "failed", "cancelled", "expired", "incomplete"}
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Installation:
    """All of them, each on its host. The test is on the host ``store``, as are the shared parts."""

    def __init__(self, folder: Path, hosts: Network, running: ExitStack) -> None:
        self.hosts = hosts
        self._folder = folder
        self._running = running
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        store = hosts.address("store")
        self.chat = running.enter_context(ChatServer(host=store))
        database = running.enter_context(postgres.server(store))
        postgres.execute(database.folder, "CREATE DATABASE hosts")
        store_redis = [find_server(), "--bind", store, "--save", "", "--protected-mode", "no"]
        self._keep(
            "redis", subprocess.Popen([*store_redis, "--dir", folder], stdout=subprocess.DEVNULL)
        )
        (folder / "token").write_text(TOKEN)
        papers = Certificates(folder, "papers")
        certificate, key = papers.server("interpreter", store)
        self.interpreter = InterpreterProcess(
            *("--warm", "0", "--listen", f"{store}:8443", "--token-file", str(folder / "token")),
            *("--certificate", str(certificate), "--key", str(key)),
        )
        running.callback(self.interpreter.remove)
        running.callback(self.interpreter.stop)
        self._environment = {
            **clean_environment(),
            "PYTHONUNBUFFERED": "1",
            "SECRET_KEY": "of all hosts " * 5,
            **object_store.KEY,
            "S3_BUCKET": object_store.BUCKET,
            "S3_ENDPOINT": f"http://{store}:{running.enter_context(object_store.server(store))}",
            "S3_REGION": "us-east-1",
            "DATABASE_URL": f"postgresql://postgres@{store}/hosts?connect_timeout=3",
            "REDIS_URL": f"redis://{store}:6379/0",
            "INTERPRETER_URL": f"https://{store}:8443",
            "INTERPRETER_TOKEN": TOKEN,
            "INTERPRETER_CA": str(papers.authority),
            "OPENAI_BASE_URL": self.chat.url,
            "PLAYGROUND_API_KEY": KEY,
            # Each worker has room for one run, so of two each has one.
            "WORKER_RUNS": "1",
            "METRICS_TOKEN": KEY,
            "METRICS_PORT": str(OWN_PORT),
        }
        assert self.start("store", "prepare").wait(60) == 0, self.said()
        assert "Sign in:  http" in self.said()
        for host, process in (
            *(("web1", "web"), ("web2", "web"), ("work1", "worker"), ("work2", "worker")),
            ("store", "beat"),
        ):
            self.start(host, process)
        for host in ("web1", "web2"):
            until(functools.partial(self.is_up, host), f"{host} is not up", 60)
        until(lambda: self.workers() == 2, "a worker is missing", 60)

    def start(self, host: str, process: str) -> subprocess.Popen[bytes]:
        """A process on a host, which shares no folder."""
        name = process if host == "store" else host
        environment = self._own(host, name)
        with self.hosts.on(host), (self._folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "playground.runner", process],
                cwd=ROOT,
                env={**self._environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._keep(name, started)
        return started

    def _own(self, host: str, name: str) -> dict[str, str]:
        return {
            "HOST": self.hosts.address(host),
            "PORT": str(PORT),
            "METRICS_HOST": self.hosts.address(host),
            "DATA_DIR": str(self._folder / f"{name}-data"),
            "RUNTIME_DIR": str(self._folder / name),
        }

    def link(self) -> str:
        """The path of a sign-in link, made where no web server is."""
        made = subprocess.run(
            [sys.executable, "manage.py", "login"],
            cwd=ROOT,
            env={**self._environment, **self._own("web1", "prepare")},
            capture_output=True,
            text=True,
            check=True,
        )
        return f"/login?token={made.stdout.strip().partition('?token=')[2]}"

    def stop(self, name: str) -> None:
        """Ask the process of a host to end, and wait until it has done so in order."""
        self.processes[name].terminate()
        # uvicorn ends by the signal that it was asked with, when it has tidied up.
        assert self.processes[name].wait(20) in (0, -signal.SIGTERM)

    def restart(self, name: str) -> None:
        """Start it again, and wait until it does its work."""
        process = "web" if name.startswith("web") else "worker"
        self.start(name, process)
        if process == "web":
            until(functools.partial(self.is_up, name), f"{name} is not up", 60)
        else:
            until(lambda: self.workers() == 2, f"{name} is not up", 60)

    def workers(self) -> int:
        """How many say that they are alive; one that was killed does for 15 s."""
        with redis.Redis.from_url(self._environment["REDIS_URL"]) as client:
            now = client.time()[0]
            return int(client.zcount("workers:alive", f"({now}", "+inf"))

    def _keep(self, name: str, process: subprocess.Popen[bytes]) -> None:
        def end() -> None:
            process.kill()
            process.wait()

        self.processes[name] = process
        self._running.callback(end)

    def said(self) -> str:
        """The last lines of each process."""
        return "\n".join(
            f"{log.name}: {line}"
            for log in sorted(self._folder.glob("*.log"))
            for line in log.read_text().splitlines()[-15:]
        )

    def http(self, host: str) -> httpx2.Client:
        """A client of that web server, with the key."""
        url = f"http://{self.hosts.address(host)}:{PORT}"
        return httpx2.Client(base_url=url, headers=HEADERS, timeout=30)

    def is_up(self, host: str) -> bool:
        """Whether its web server finds all parts."""
        with suppress(httpx2.HTTPError), self.http(host) as client:
            return client.get("/healthz").status_code == 200
        return False

    def ask(self, host: str, path: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        with self.http(host) as client:
            answer = client.request(method, f"/v1{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def begin(self, host: str, words: str, **assistant: Any) -> str:
        """A run on a new thread, begun on that web server; the path of it."""
        made = self.ask(host, "/assistants", {"model": "played", **assistant})
        thread = {"messages": [{"role": "user", "content": words}]}
        run = self.ask(host, "/threads/runs", {"assistant_id": made["id"], "thread": thread})
        return f"/threads/{run['thread_id']}/runs/{run['id']}"

    def of_itself(self, host: str, path: str, **headers: str) -> httpx2.Response:
        """What the worker or beat there says of itself."""
        url = f"http://{self.hosts.address(host)}:{OWN_PORT}{path}"
        return httpx2.get(url, headers=headers, timeout=10)

    def counted(self, host: str) -> float:
        """How many runs the worker there has completed."""
        told = self.of_itself(host, "/metrics", **HEADERS)
        assert told.status_code == 200
        found = re.search(
            r'^playground_runs_ended_total{status="completed"} (\S+)$', told.text, re.MULTILINE
        )
        return float(found[1]) if found else 0

    def status(self, host: str, run: str) -> str:
        return str(self.ask(host, run)["status"])

    def wait_for(self, run: str, *statuses: str, seconds: float = 60) -> None:
        """Until it has one of these, as the second web server knows it."""
        until(lambda: self.status("web2", run) in statuses, f"never {statuses}: {run}", seconds)

    def answer(self, host: str, run: str) -> str:
        thread = run.split("/")[2]
        newest = self.ask(host, f"/threads/{thread}/messages")["data"][0]
        return "".join(part["text"]["value"] for part in newest["content"])

    def wait_for_words(self, run: str, words: str) -> None:
        """Until its answer begins with them in the event log, which keeps them until its end."""
        thread = run.split("/")[2]

        def said(client: Any) -> bool:
            entries = client.xrange(f"log:{thread}")
            messages = fold(Entry.read(*entry) for entry in entries).messages.values()
            texts = [part["text"]["value"] for one in messages for part in one["content"]]
            return any(text.startswith(words) for text in texts)

        with redis.Redis.from_url(self._environment["REDIS_URL"], decode_responses=True) as client:
            until(lambda: said(client), f"no {words}: {run}", 60)

    def has_given_up(self, host: str, run: str) -> bool:
        """Whether the worker there has noted that the run is not its own any more."""
        run_id = run.split("/")[-1]
        said = (self._folder / f"{host}.log").read_text()
        return bool(re.search(rf"{run_id} (is not ours any more|ended elsewhere)", said))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if not network.can_be_had():
        pytest.skip("this machine lets nobody make network namespaces")
    folder = tmp_path_factory.mktemp("hosts")
    with Network(*NAMES) as hosts, ExitStack() as running, hosts.on("store"):
        yield Installation(folder, hosts, running)


def test_a_run_begun_on_one_is_followed_and_cancelled_from_the_other(
    installation: Installation,
) -> None:
    """Signed in on one is signed in on the other, too."""
    installation.chat.when("tell a long story", [text("once upon a time " * 100, rate=20)])
    link = installation.link()
    with installation.http("web1") as one, installation.http("web2") as other:
        run = installation.begin("web1", "tell a long story")
        signed_in = one.get(link, follow_redirects=True)
        assert signed_in.status_code == 200
        cookies = dict(one.cookies.items())
        seen = ""
        with other.stream("GET", f"{run.split('/runs')[0]}/stream", cookies=cookies) as page:
            assert page.status_code == 200
            for piece in page.iter_text():
                seen += piece
                if "once upon a time once" in re.sub(r"<[^>]+>", "", seen):
                    break
        begun = time.monotonic()
        assert other.post(f"/v1{run}/cancel").status_code == 200
        installation.wait_for(run, "cancelled", seconds=5)
        assert time.monotonic() - begun < 5
    assert installation.answer("web1", run).startswith("once upon")


def test_each_process_that_is_alone_on_its_host_tells_of_itself(
    installation: Installation,
) -> None:
    installation.chat.when("once", [text("said")])
    before = [installation.counted(host) for host in ("work1", "work2")]
    runs = [installation.begin("web1", "once") for _ in range(4)]
    for run in runs:
        installation.wait_for(run, "completed")
    after = [installation.counted(host) for host in ("work1", "work2")]
    assert sum(after) == sum(before) + 4
    assert installation.of_itself("work1", "/metrics").status_code == 404
    ready = installation.of_itself("work1", "/readyz")
    assert ready.json() == {"status": "ok", "parts": {"worker": {"ok": True, "detail": ""}}}
    whole = installation.of_itself("work1", "/healthz")
    assert whole.status_code == 200
    assert set(whole.json()["parts"]) == {"worker", "database", "redis", "files", "interpreter"}
    web = installation.of_itself("web2", "/healthz")
    assert web.status_code == 200
    assert set(web.json()["parts"]) == {*whole.json()["parts"], "web"}
    assert "playground_runs{" in installation.of_itself("web2", "/metrics", **HEADERS).text
    beat = installation.of_itself("store", "/healthz")
    assert beat.json() == {"status": "ok", "parts": {"beat": {"ok": True, "detail": ""}}}


def test_a_file_that_came_in_on_one_is_read_on_the_other(installation: Installation) -> None:
    with installation.http("web1") as one, installation.http("web2") as other:
        sent = {"file": ("tea.txt", b"Green.")}
        made = one.post("/v1/files", data={"purpose": "assistants"}, files=sent)
        assert made.status_code == 200, made.text
        assert other.get(f"/v1/files/{made.json()['id']}/content").content == b"Green."


def test_two_runs_go_on_at_once_and_code_keeps_its_variables_whoever_executes_it(
    installation: Installation,
) -> None:
    chat = installation.chat
    chat.when("set it", [tool_call("code_interpreter", {"code": "x = 6 * 7"})], [text("done")])
    chat.when("show it", [tool_call("code_interpreter", {"code": "print(x)"})], [text("shown")])
    chat.when("keep one busy", [pause(8), text("at last")])
    tools = [{"type": "code_interpreter"}]
    first = installation.begin("web1", "set it", tools=tools)
    installation.wait_for(first, "completed")
    assistant = installation.ask("web1", first)["assistant_id"]
    thread = first.split("/runs")[0]
    # While one worker is busy the other has it: once the one, once the other.
    outputs = []
    busy = installation.begin("web2", "keep one busy")
    for host in ("web1", "web2"):
        message = {"role": "user", "content": "show it"}
        body = {"assistant_id": assistant, "additional_messages": [message]}
        run = f"{thread}/runs/{installation.ask(host, f'{thread}/runs', body)['id']}"
        installation.wait_for(run, "completed")
        steps = installation.ask("web2", f"{run}/steps?order=asc")["data"]
        outputs.append(steps[0]["step_details"]["tool_calls"][0]["code_interpreter"]["outputs"])
    assert [each[0]["logs"].strip() for each in outputs] == ["42", "42"]
    installation.wait_for(busy, "completed")


@pytest.fixture
def people(installation: Installation) -> Iterator[list[str]]:
    """Runs that go on being begun, as by somebody behind a proxy, which asks the other web server
    where one is away. In the end each of them is completed.
    """
    installation.chat.when("a short one", [text("some words that take a while", rate=12)])
    begun: list[str] = []
    over = threading.Event()

    def begin_runs() -> None:
        with installation.hosts.on("store"):
            while not over.wait(1):
                for host in ("web1", "web2"):
                    with suppress(httpx2.TransportError):
                        begun.append(installation.begin(host, "a short one"))
                        break

    beginning = threading.Thread(target=begin_runs)
    beginning.start()
    try:
        yield begun
    finally:
        over.set()
        beginning.join()
    for run in begun:
        installation.wait_for(run, *TERMINAL)
        assert installation.status("web2", run) == "completed"
        assert installation.answer("web2", run) == "some words that take a while"


def test_a_worker_is_restarted_and_no_run_is_lost(
    installation: Installation, people: list[str]
) -> None:
    until(lambda: len(people) > 1, "nobody is answered")
    installation.stop("work1")
    before = len(people)
    until(lambda: len(people) > before, "nobody is answered meanwhile")
    installation.restart("work1")


def test_a_web_server_is_restarted_and_its_page_goes_on_at_the_other(
    installation: Installation, people: list[str]
) -> None:
    numbers = " ".join(map(str, range(1000, 1100)))
    installation.chat.when("count", [text(numbers, rate=25)])
    with installation.http("web1") as client:
        client.get(installation.link())
        cookies = dict(client.cookies.items())
    run = installation.begin("web1", "count")
    path = f"{run.split('/runs')[0]}/stream"

    def follow(host: str, last: str, enough: str) -> tuple[str, str]:
        """What is shown until that is, or until the stream ends; and the id of the last event."""
        shown, headers = "", {"Last-Event-ID": last} if last else {}
        with (
            suppress(httpx2.TransportError),
            installation.http(host) as client,
            client.stream("GET", path, cookies=cookies, headers=headers) as page,
        ):
            for line in page.iter_lines():
                if line.startswith("id: "):
                    last = line.removeprefix("id: ")  # a time, which may hold any number
                    continue
                shown = line if "1000" in line else shown
                if enough in shown and host == "web1":
                    installation.processes[host].terminate()
                    enough = "never"
                elif enough in shown:
                    break
        return shown, last

    shown, last = follow("web1", "", "1010")
    assert last
    assert "1099" not in shown
    installation.stop("web1")
    shown, _ = follow("web2", last, "1099")
    assert re.findall(r"\b1[0-9]{3}\b", shown) == numbers.split()
    before = len(people)
    until(lambda: len(people) > before, "nobody is answered meanwhile")
    installation.restart("web1")


def test_what_a_host_that_is_cut_off_was_doing_fails_cleanly_and_it_goes_on_when_it_is_back(
    installation: Installation,
) -> None:
    chat = installation.chat
    chat.when("say much", [text("word " * 4000, rate=20)])
    runs = [installation.begin(web, "say much") for web in ("web1", "web2")]
    for run in runs:
        installation.wait_for(run, "in_progress")
        installation.wait_for_words(run, "word word")
    installation.hosts.plug("work1", "down")
    installation.hosts.plug("web1", "down")
    begun = time.monotonic()
    ended = until(
        lambda: [run for run in runs if installation.status("web2", run) == "failed"],
        installation.said(),
        40,
    )
    lost = time.monotonic() - begun
    (failed,) = ended
    (other,) = set(runs) - {failed}
    found = installation.ask("web2", failed)
    assert found["last_error"]["code"] == "server_error"
    assert installation.answer("web2", failed).startswith("word word")
    # The thread is free, and the lost place is no longer counted.
    thread = failed.split("/runs")[0]
    message = {"role": "user", "content": "more"}
    assert installation.ask("web2", f"{thread}/messages", message)["id"]
    assert installation.status("web2", other) == "in_progress"
    assert installation.ask("web2", f"{other}/cancel", {})["status"] in ("cancelling", "cancelled")
    assert lost < 25, lost
    installation.wait_for(other, "cancelled")

    # Its model has gone on talking to it, and it does not know yet that the run is over.
    assert not installation.has_given_up("work1", failed)

    def kept() -> list[Any]:
        paths = (failed, f"{failed}/steps", f"{thread}/messages")
        return [installation.ask("web2", path) for path in paths]

    before = kept()
    for host in ("work1", "web1"):
        installation.hosts.plug(host, "up")
    until(lambda: installation.is_up("web1"), "web1 is not back", 60)
    until(lambda: installation.workers() == 2, "work1 is not back", 60)
    gone_on = f"work1 has not seen that it lost {failed}"
    until(lambda: installation.has_given_up("work1", failed), gone_on, 60)
    assert kept() == before
    # Each worker has room for one run, so of two that are under way at once each has one.
    runs = [installation.begin(web, "say much") for web in ("web1", "web2")]
    for run in runs:
        installation.wait_for(run, "in_progress")
        installation.wait_for_words(run, "word word")
    assert [installation.status("web1", run) for run in runs] == ["in_progress"] * 2
    for run in runs:
        installation.ask("web1", f"{run}/cancel", {})
        installation.wait_for(run, "cancelled")
        assert installation.answer("web1", run).startswith("word word")
    assert kept() == before

"""``deploy/nginx.conf`` in a real nginx, in front of a real web server."""

import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import httpx2
import pytest

from tests.chat_server import text
from tests.stack import Stack, free_port
from tests.tools.code_interpreter.two_hosts import Certificates
from tests.until import until

CONFIGURATION = (Path(__file__).resolve().parent.parent / "deploy" / "nginx.conf").read_text()
LARGE = 40 * 2**20
AROUND = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/playground.conf;
}}
"""


@pytest.fixture(scope="module")
def plain_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def front(
    stack: Stack, plain_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The address of an nginx before the stack, and how its certificate is known."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    papers = Certificates(folder, "papers")
    certificate, key = papers.server("nginx", "127.0.0.1")
    told = CONFIGURATION
    for one, other in (
        ("listen 80", f"listen 127.0.0.1:{plain_port}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("playground.example", "127.0.0.1"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{stack.port};"),
        ("/etc/ssl/playground/certificate.pem", str(certificate)),
        ("/etc/ssl/playground/key.pem", str(key)),
    ):
        assert one in told
        told = told.replace(one, other)
    (folder / "playground.conf").write_text(told)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    command: list[str | Path] = [
        "nginx",
        "-c",
        folder / "nginx.conf",
        "-e",
        folder / "error.log",
        "-p",
        folder,
    ]
    with subprocess.Popen(command) as nginx:
        try:
            until((folder / "pid").exists, "nginx does not start")
            context = ssl.create_default_context(cafile=str(papers.authority))
            yield f"https://127.0.0.1:{port}", context
        finally:
            nginx.terminate()


@pytest.fixture
def http(stack: Stack, front: tuple[str, ssl.SSLContext]) -> Iterator[httpx2.Client]:
    url, context = front
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    with httpx2.Client(base_url=url, headers=headers, verify=context, timeout=60) as client:
        yield client


def test_who_asks_without_https_is_sent_there_with_what_is_posted(
    front: tuple[str, ssl.SSLContext], plain_port: int
) -> None:
    told = httpx2.post(f"http://127.0.0.1:{plain_port}/v1/threads?a=b", json={})
    assert told.status_code == 308
    assert told.headers["location"] == "https://127.0.0.1/v1/threads?a=b"


def test_a_stream_comes_word_by_word(stack: Stack, http: httpx2.Client) -> None:
    stack.chat.when("slowly", [text("one two three four five six", rate=4)])
    assistant = http.post("/v1/assistants", json={"model": "played"}).json()["id"]
    thread = {"messages": [{"role": "user", "content": "slowly"}]}
    body = {"assistant_id": assistant, "thread": thread, "stream": True}
    came = []
    with http.stream("POST", "/v1/threads/runs", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        came = [time.monotonic() for line in answer.iter_lines() if "message.delta" in line]
    assert len(came) >= 5
    assert came[-1] - came[0] > 0.75


def test_a_form_is_taken_from_its_own_https_address_and_its_page_is_followed_word_by_word(
    stack: Stack, http: httpx2.Client
) -> None:
    stack.chat.when("on the page", [text("one two three four five six", rate=4)])
    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', http.get("/login").text)
    assert form
    filled_in = {"csrfmiddlewaretoken": form[1], "token": stack.login_token}
    origin = {"Origin": str(http.base_url).rstrip("/")}
    assert http.post("/login", data=filled_in, headers=origin).status_code == 302
    assistant = http.post("/v1/assistants", json={"model": "played"}).json()["id"]
    thread = {"messages": [{"role": "user", "content": "on the page"}]}
    body = {"assistant_id": assistant, "thread": thread}
    run = http.post("/v1/threads/runs", json=body).json()
    frames = []
    with http.stream("GET", f"/threads/{run['thread_id']}/stream") as page:
        for line in page.iter_lines():
            if re.search(r"one|six", line):
                frames.append(time.monotonic())
            if "six" in line:
                break
    assert frames[-1] - frames[0] > 0.5


def test_a_large_upload_goes_through_and_is_not_written_by_the_proxy(
    http: httpx2.Client, tmp_path: Path
) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(LARGE)
    with large.open("rb") as file:
        made = http.post("/v1/files", data={"purpose": "assistants"}, files={"file": file})
    assert made.status_code == 200, made.text
    assert made.json()["bytes"] == LARGE
    with http.stream("GET", f"/v1/files/{made.json()['id']}/content") as answer:
        assert sum(map(len, answer.iter_bytes())) == LARGE
    http.delete(f"/v1/files/{made.json()['id']}")


def test_more_than_the_largest_upload_is_refused_at_once(
    stack: Stack, front: tuple[str, ssl.SSLContext]
) -> None:
    url, context = front
    link = HTTPSConnection(url.removeprefix("https://"), context=context, timeout=20)
    link.putrequest("POST", "/v1/files")
    link.putheader("Authorization", f"Bearer {stack.api_key}")
    link.putheader("Content-Length", str(514 * 2**20))
    link.endheaders()
    assert link.getresponse().status == 413
    link.close()


def test_who_guesses_closes_the_door_for_their_own_address_whatever_they_say(
    stack: Stack, front: tuple[str, ssl.SSLContext]
) -> None:
    """Each request names another address; the proxy's own word is what counts."""
    url, context = front
    statuses = []
    for number in range(7):
        said = {"X-Forwarded-For": f"198.51.100.{number}"}
        # Not the address that other tests sign in from.
        guest = httpx2.HTTPTransport(verify=context, local_address="127.0.0.9")
        with httpx2.Client(base_url=url, transport=guest) as client:
            statuses.append(client.get("/login?token=wrong", headers=said).status_code)
    assert statuses[-1] == 429
    with httpx2.Client(base_url=url, verify=context) as another:
        assert another.get(stack.login_path).status_code == 302, statuses

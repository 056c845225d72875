"""What a process tells at METRICS_PORT, and whom: strangers learn nothing of the machine."""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from playground import own_port, probe, settings
from playground.parts import Part
from tests.stack import free_port
from tests.until import until

HEADERS = {"Authorization": "Bearer tests-only"}

Begin = Callable[..., None]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins one at a free port, whose process is well, with the token ``tests-only``."""
    made: list[own_port._Server] = []

    class Server(own_port._Server):
        def server_activate(self) -> None:
            super().server_activate()
            made.append(self)

    monkeypatch.setattr(own_port, "_Server", Server)
    monkeypatch.setattr(own_port, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(settings, "METRICS_PORT", free_port())
    monkeypatch.setattr(settings, "METRICS_TOKEN", "tests-only")
    monkeypatch.setattr(probe, "wrong_with", lambda _name: "")

    def start(*arguments: object) -> None:
        own_port.begin(*arguments)  # type: ignore[arg-type]
        until(lambda: bool(made), "nobody listens")

    yield start
    for server in made:
        server.shutdown()
        server.server_close()


def ask(path: str, host: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    link = http.client.HTTPConnection(host, settings.METRICS_PORT, timeout=5)
    link.request("GET", path, headers=headers)
    answer = link.getresponse()
    return answer.status, answer.read().decode()


def test_numbers_are_for_who_sends_the_token(begin: Begin) -> None:
    begin("beat", dict, lambda: b"numbers")
    assert ask("/metrics", **HEADERS) == (200, "numbers")
    assert ask("/metrics", Authorization="Bearer another")[0] == 404
    assert ask("/metrics")[0] == 404
    assert ask("/else", **HEADERS)[0] == 404


def test_only_this_machine_is_listened_to_by_itself(begin: Begin) -> None:
    begin("beat")
    assert ask("/readyz")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask("/readyz", "127.0.0.2")  # of this machine too, and no other's name for the same


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_a_stranger_is_not_told_what_the_log_says_of_the_machine(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    secret = "it does not say that it is alive (host-7:4242, /srv/playground)"
    monkeypatch.setattr(probe, "wrong_with", lambda _name: secret)
    begin(name, lambda: {"redis": Part(ok=False, detail="redis://10.0.0.9", public="away")})
    for _ in range(2):
        status, body = ask("/readyz")
        told = {name: {"ok": False, "detail": own_port.IDLE[name]}}
        assert (status, json.loads(body)) == (
            503,
            {"status": f"not answering: {name}", "parts": told},
        )
    status, body = ask("/healthz")
    assert status == 503
    assert json.loads(body)["parts"] == {**told, "redis": {"ok": False, "detail": "away"}}
    assert caplog.text.count(secret) == 1


def test_what_cannot_be_found_out_is_a_503_and_in_the_log(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> bytes:
        raise RuntimeError("/srv/playground/database")

    with caplog.at_level(logging.ERROR):
        begin("worker", fail, fail)
        for path in ("/healthz", "/metrics"):
            status, body = ask(path, **HEADERS)
            assert status == 503
            assert "/srv" not in body
    assert caplog.text.count("RuntimeError: /srv/playground/database") == 2
    assert ask("/readyz")[0] == 200


def test_a_port_that_is_taken_is_had_once_it_is_free_and_that_is_said_once(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", settings.METRICS_PORT)):
        beginning = threading.Thread(target=begin, args=("beat",))
        beginning.start()
        until(lambda: "cannot be had, tried again" in caplog.text, "nobody says that")
        beginning.join(0.2)
    beginning.join(5)
    assert ask("/readyz")[0] == HTTPStatus.OK
    assert caplog.text.count("cannot be had") == 1


def test_only_so_many_are_answered_at_once(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_port, "MOST", 2)
    goes_on, asked = threading.Event(), []

    def slowly() -> dict[str, Part]:
        asked.append(1)
        goes_on.wait(10)
        return {}

    begin("beat", slowly)
    answers: list[int] = []
    many = [threading.Thread(target=lambda: answers.append(ask("/healthz")[0])) for _ in range(4)]
    for each in many:
        each.start()
    until(lambda: len(asked) == 2, "nobody is answered")
    many[0].join(0.3)
    assert len(asked) == 2
    goes_on.set()
    for each in many:
        each.join(5)
    assert answers == [200] * 4

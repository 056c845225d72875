"""Addresses, headers and envelopes: what holds for every answer, whatever was asked."""

import json
import socket
from typing import Any

import httpx2
import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from pytest_django import Settings

from assistants import log_ids
from assistants.models import Project

VERSION = {"api-version": "2024-05-01-preview"}


def error(response: httpx2.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert list(body) == ["error"]
    found: dict[str, Any] = body["error"]
    return found


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/assistants/", "/v1/threads/a/b/c", "/v1/%00"]
)
def test_an_unknown_address_is_refused_in_the_envelope(http: httpx2.Client, path: str) -> None:
    response = http.get(path)
    assert response.status_code == 404
    assert error(response) == {
        "message": f"Invalid URL (GET {path.replace('%00', chr(0))})",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_azures_gateway_has_an_envelope_of_its_own(http: httpx2.Client) -> None:
    not_found = {"code": "404", "message": "Resource not found"}
    response = http.get("/openai/nothing", params=VERSION)
    assert (response.status_code, error(response)) == (404, not_found)
    path = "/openai/deployments/gpt-4o/chat/completions"
    response = http.post(path, params=VERSION, json={})
    assert (response.status_code, error(response)) == (404, not_found)


def test_azures_addresses_need_an_api_version(http: httpx2.Client) -> None:
    response = http.get("/openai/assistants")
    assert response.status_code == 404
    assert error(response) == {"code": "404", "message": "Resource not found"}
    assert http.get("/openai/assistants", params=VERSION).status_code == 200
    assert http.get("/openai/v1/assistants").status_code == 200


def test_azures_refusals_of_the_api_itself_are_openais(http: httpx2.Client) -> None:
    response = http.get("/openai/assistants/asst_1", params=VERSION)
    assert response.status_code == 404
    assert error(response)["message"] == "No assistant found with id 'asst_1'."
    assert error(response)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "method, path",
    [
        ("PUT", "/v1/assistants"),
        ("PATCH", "/v1/threads/thread_1"),
        ("DELETE", "/v1/models"),
        ("GET", "/v1/threads"),
        ("POST", "/v1/threads/thread_1/runs/run_1/steps"),
    ],
)
def test_a_wrong_method_is_refused_in_the_envelope(
    http: httpx2.Client, method: str, path: str
) -> None:
    response = http.request(method, path)
    assert response.status_code == 405
    assert "Allow" in response.headers
    assert error(response) == {
        "message": f"Not allowed to {method} on {path}. "
        "(HINT: Perhaps you meant to use a different HTTP method?)",
        "type": "invalid_request_error",
        "param": None,
        "code": "method_not_supported",
    }


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{'model': 'demo'}",
        "\ufeff",
        '{"model": "demo", "temperature": NaN}',
        '{"model": "demo", "top_p": Infinity}',
        '{"model": "demo", "name": "\\ud800"}',
        b'{"model": "demo", "name": "\xed\xa0\x80"}',
        '{"model": "demo", "name": "\\u0000"}'.encode("utf-16"),
        "[" * 100_000,
        "1" * 5_000,
    ],
    ids=[
        "open",
        "python",
        "bom",
        "nan",
        "infinity",
        "half a character",
        "half a character in bytes",
        "not UTF-8",
        "deep",
        "long number",
    ],
)
def test_what_is_not_json_is_refused(http: httpx2.Client, body: str | bytes) -> None:
    response = http.post(
        "/v1/assistants", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert error(response)["message"].startswith("We could not parse the JSON body of your request")


def test_a_null_character_is_refused_wherever_it_stands(http: httpx2.Client) -> None:
    function = {"name": "f", "parameters": {"a": ["\0"]}}
    body = {"model": "demo", "tools": [{"type": "function", "function": function}]}
    for response in (
        http.post("/v1/assistants", json=body),
        http.get("/v1/assistants", params={"after": "asst_\0"}),
    ):
        assert response.status_code == 400
        assert error(response)["code"] == "invalid_value"


def test_an_escaped_backslash_is_no_null_character(http: httpx2.Client) -> None:
    response = http.post("/v1/assistants", json={"model": "demo", "name": "\\u0000 \\ud800"})
    assert response.json()["name"] == "\\u0000 \\ud800"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_must_be_said_to_be_json(http: httpx2.Client, content_type: str) -> None:
    response = http.post(
        "/v1/assistants", content='{"model": "demo"}', headers={"Content-Type": content_type}
    )
    assert response.status_code == 400
    assert error(response) == {
        "message": f"Unsupported content type: '{content_type}'. This API method only accepts "
        "'application/json' requests, but you specified the header 'Content-Type: "
        f"{content_type}'. Please try again with a supported content type.",
        "type": "invalid_request_error",
        "param": None,
        "code": "unsupported_content_type",
    }


def test_a_charset_beside_the_content_type_is_welcome(http: httpx2.Client) -> None:
    response = http.post(
        "/v1/assistants",
        content='{"model": "demo"}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert response.status_code == 200


def test_nothing_sent_is_an_empty_object(http: httpx2.Client) -> None:
    thread = http.post("/v1/threads").json()
    assert http.post(f"/v1/threads/{thread['id']}").json() == thread
    response = http.post("/v1/assistants")
    assert response.status_code == 400
    assert error(response)["message"] == "Missing required parameter: 'model'."


def test_a_body_above_the_limit_is_too_large(http: httpx2.Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    body, origin = {"metadata": {"a": "x" * 18_000_000}}, {"Origin": "https://app.example"}
    response = http.post("/v1/threads", json=body, headers=origin)
    assert response.status_code == 413
    assert error(response)["type"] == "invalid_request_error"
    limit = settings.MAX_BODY_BYTES
    assert error(response)["message"] == (
        f"The request body is larger than the limit of {limit} bytes."
    )
    assert response.headers["x-request-id"].startswith("req_")
    assert int(response.headers["openai-processing-ms"]) >= 0
    # So that the page that has asked can read what is wrong.
    assert response.headers["access-control-allow-origin"] == "https://app.example"


def test_every_answer_names_its_request(http: httpx2.Client) -> None:
    for path in ("/v1/models", "/v1/nothing", "/openai/models", "/openai/v1/models"):
        first, second = http.get(path).headers, http.get(path).headers
        assert first["x-request-id"].startswith("req_")
        assert first["x-request-id"] != second["x-request-id"]
        assert first["openai-version"] == "2020-10-01"
        assert int(first["openai-processing-ms"]) >= 0
        assert first["x-content-type-options"] == "nosniff"
        assert first["cache-control"] == "no-store"
        assert first["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in first
        assert ("apim-request-id" in first) == path.startswith("/openai")


def test_over_https_the_api_asks_for_https_from_then_on(
    http: httpx2.Client, settings: Settings
) -> None:
    settings.SECURE_HSTS_SECONDS = 1000
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for path in ("/v1/models", "/v1/nothing"):
        by_proxy = http.get(path, headers={"X-Forwarded-Proto": "https"})
        assert by_proxy.headers["strict-transport-security"] == "max-age=1000"
        assert "strict-transport-security" not in http.get(path).headers


def test_every_host_name_that_is_allowed_is_answered(
    http: httpx2.Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["playground"]
    assert http.get("/v1/models", headers={"Host": "playground:8000"}).status_code == 200


def test_cookies_open_nothing_and_are_not_set(address: str, project: Project) -> None:
    response = httpx2.post(f"{address}/v1/threads", headers={"Cookie": "playground_session=x"})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_a_fault_of_ours_is_told_without_a_traceback(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("assistants.operations.providers.offered", lambda _: 1 / 0)
    response = http.get("/v1/models")
    request_id = response.headers["x-request-id"]
    assert response.status_code == 500
    assert error(response)["type"] == "server_error"
    assert error(response)["message"] == (
        "The server had an error while processing your request. Sorry about that! "
        f"The server's log tells more about request {request_id}."
    )
    assert "ZeroDivisionError" not in response.text
    assert f"{request_id} failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_does_not_answer_is_a_matter_of_time(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("assistants.operations.providers.offered", locked)
    response = http.get("/v1/models")
    assert response.status_code == 503
    assert error(response)["type"] == "server_error"
    assert error(response)["message"] == (
        "The server is overloaded or not ready yet. Please try again later."
    )


def test_what_django_finds_suspicious_is_refused(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suspicious(_: object) -> None:
        raise SuspiciousOperation("../../etc/passwd")

    monkeypatch.setattr("assistants.operations.providers.offered", suspicious)
    response = http.get("/v1/models")
    assert response.status_code == 400
    assert error(response)["message"] == "The request is malformed."


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/docs", "/v1/openapi.json", "/openai/v1/docs"])
def test_the_reference_can_only_be_read(http: httpx2.Client, method: str, path: str) -> None:
    response = http.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert error(response)["code"] == "method_not_supported"


def test_a_client_of_http_1_0_is_told_a_length(address: str, secret: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"GET /v1/models HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert "transfer-encoding" not in head.lower()
    assert json.loads(body)["object"] == "list"


def test_a_refusal_stays_short_whatever_was_sent(
    http: httpx2.Client, known: dict[str, str]
) -> None:
    name = "k" * 100_000
    function = {"name": "add", "parameters": {"type": "object", "properties": {name: 5}}}
    tools = [{"type": "function", "function": function}]
    outputs = [{"tool_call_id": f"call_{n}", "output": ""} for n in range(5000)]
    run = f"/v1/threads/{known['thread_id']}/runs/{known['run_id']}"
    boundary = {"Content-Type": f"multipart/form-data; boundary={'Z' * 5000}"}
    for response in (
        http.post("/v1/assistants", json={"model": "demo", "tools": tools}),
        http.post(f"{run}/submit_tool_outputs", json={"tool_outputs": outputs}),
        http.post("/v1/files", content=b"x", headers=boundary),
    ):
        assert response.status_code == 400
        assert len(response.content) < 2_000


@pytest.mark.parametrize("path", ["/v1/models", "/openai/models?api-version=1", "/v1/nothing"])
def test_a_host_name_that_nobody_allowed_is_refused(http: httpx2.Client, path: str) -> None:
    response = http.get(path, headers={"Host": "rebound.example"})
    assert response.status_code == 400
    assert error(response)["message"] == (
        "This server does not answer to the host name 'rebound.example'. "
        "The setting ALLOWED_HOSTS says to which it does."
    )


def test_a_page_may_not_ask_under_a_host_name_that_nobody_allowed(
    http: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    asking = {
        "Host": "rebound.example",
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
    }
    refused = http.options("/v1/threads", headers=asking)
    assert refused.status_code == 400
    # So that the page that may ask can read what is wrong.
    assert refused.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/threads/thread_{}"),
        ("GET", "/v1/threads/{}"),
        ("GET", "/v1/files/file-{}"),
        ("GET", "/v1/models/{}"),
        ("GET", "/v1/{}"),
        ("GET", "/v1/assistants?order={}"),
        ("GET", "/v1/assistants?after=asst_{}"),
        ("POST", "/v1/models/{}"),
    ],
)
def test_what_a_caller_sent_is_repeated_only_in_part(
    http: httpx2.Client, method: str, path: str
) -> None:
    response = http.request(method, path.format("x" * 5000))
    assert 400 <= response.status_code < 500
    assert "x" * 200 in error(response)["message"]
    assert len(response.content) < 800


def test_an_unknown_field_with_a_long_name_is_repeated_only_in_part(http: httpx2.Client) -> None:
    response = http.post("/v1/threads", json={"x" * 5000: 1})
    assert error(response)["code"] == "unknown_parameter"
    assert len(response.content) < 1000


def test_log_lines_name_their_request(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def look(_: object) -> list[Any]:
        seen.append(log_ids.ids.get()["request"])
        return []

    monkeypatch.setattr("assistants.operations.providers.offered", look)
    answers = [http.get("/v1/models").headers["x-request-id"] for _ in range(3)]
    assert seen == answers

"""Web pages of other origins: what a browser is told about whether they may ask."""

import httpx2
import pytest
from pytest_django import Settings

PAGE = "https://app.example.com"
ASKING = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,openai-beta,x-stainless-os",
}
ALLOW_ORIGIN = "access-control-allow-origin"


@pytest.fixture
def browser_client(address: str) -> httpx2.Client:
    """Sends no key, as browsers do not in a preflight."""
    return httpx2.Client(base_url=address)


def test_no_page_may_ask_unless_it_is_set(
    browser_client: httpx2.Client, http: httpx2.Client
) -> None:
    assert browser_client.options("/v1/threads", headers=ASKING).status_code == 405
    for response in (
        browser_client.options("/v1/threads", headers=ASKING),
        http.get("/v1/models", headers={"Origin": PAGE}),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/v1/threads", "/v1/files/file-1/content", "/openai/threads?api-version=1"]
)
def test_a_preflight_of_a_named_page_is_answered_without_a_key(
    browser_client: httpx2.Client, settings: Settings, path: str
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["http://localhost:5173", PAGE]
    response = browser_client.options(path, headers=ASKING)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers[ALLOW_ORIGIN] == PAGE
    assert response.headers["access-control-allow-methods"] == "GET, POST, DELETE"
    asked = ASKING["Access-Control-Request-Headers"]
    assert response.headers["access-control-allow-headers"] == asked
    assert response.headers["access-control-max-age"] == "7200"
    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["x-request-id"].startswith("req_")


def test_another_page_may_not_ask(
    browser_client: httpx2.Client, http: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [PAGE]
    for origin in ("https://example.com", "https://app.example.com.evil.test", "null"):
        headers = {**ASKING, "Origin": origin}
        assert ALLOW_ORIGIN not in browser_client.options("/v1/threads", headers=headers).headers
        response = http.get("/v1/models", headers={"Origin": origin})
        assert ALLOW_ORIGIN not in response.headers
        assert response.headers["vary"] == "Origin"


def test_answers_and_refusals_can_be_read_by_the_page(
    http: httpx2.Client, browser_client: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [PAGE]
    headers = {"Origin": PAGE}
    for response, status in (
        (http.get("/v1/models", headers=headers), 200),
        (http.get("/v1/nothing", headers=headers), 404),
        (http.put("/v1/models", headers=headers), 405),
        (browser_client.get("/v1/models", headers=headers), 401),
    ):
        assert response.status_code == status
        assert response.headers[ALLOW_ORIGIN] == PAGE
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "openai-poll-after-ms", "retry-after"} <= set(exposed)


def test_every_page_may_ask_where_that_is_set(
    http: httpx2.Client, browser_client: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["*"]
    assert browser_client.options("/v1/threads", headers=ASKING).headers[ALLOW_ORIGIN] == "*"
    response = http.get("/v1/models", headers={"Origin": "null"})
    assert response.headers[ALLOW_ORIGIN] == "*"
    assert "vary" not in response.headers


def test_only_a_question_of_a_browser_is_a_preflight(
    http: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["*"]
    assert http.options("/v1/threads", headers={"Origin": PAGE}).status_code == 405
    assert http.options("/v1/threads").status_code == 405


def test_the_pages_of_the_studio_are_nobody_elses(
    browser_client: httpx2.Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["*"]
    for path in ("/login", "/v1/docs"):
        response = browser_client.get(path, headers={"Origin": PAGE})
        assert response.status_code == 200
        assert ALLOW_ORIGIN not in response.headers

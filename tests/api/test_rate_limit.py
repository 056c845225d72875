"""How often a key may ask."""

import httpx2
import pytest
import redis
from openai import OpenAI, RateLimitError
from pytest_django import Settings

from assistants import redis_commands
from assistants.api import rate_limit
from assistants.models import Project
from assistants.operations import projects


def test_nobody_is_refused_unless_it_is_set(http: httpx2.Client, redis_url: str) -> None:
    assert {http.get("/v1/models").status_code for _ in range(20)} == {200}
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys("rate:*") == []


def test_one_request_too_many_is_refused(http: httpx2.Client, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 3
    for _ in range(3):
        assert http.get("/v1/models").status_code == 200
    response = http.get("/v1/models")
    assert response.status_code == 429
    seconds = int(response.headers["retry-after"])
    assert 50 < seconds <= 60
    assert response.json() == {
        "error": {
            "message": "Rate limit reached on requests per min (RPM): Limit 3. "
            f"Please try again in {seconds}s.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }
    assert http.post("/v1/threads").status_code == 429
    assert http.get("/openai/v1/models").status_code == 429


def test_each_key_has_a_count_of_its_own(
    http: httpx2.Client, project: Project, settings: Settings
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    assert [http.get("/v1/models").status_code for _ in range(2)] == [200, 429]
    other = {"Authorization": f"Bearer {projects.create_api_key(project, 'other')[1]}"}
    assert http.get("/v1/models", headers=other).status_code == 200


def test_a_key_counts_the_same_however_it_is_sent(
    address: str, secret: str, settings: Settings
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    assert httpx2.get(f"{address}/v1/models", headers={"api-key": secret}).status_code == 200
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx2.get(f"{address}/v1/models", headers=headers).status_code == 429


def test_the_count_begins_again(http: httpx2.Client, settings: Settings, redis_url: str) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    assert [http.get("/v1/models").status_code for _ in range(2)] == [200, 429]
    with redis.Redis.from_url(redis_url) as client:
        (name,) = client.keys("rate:*")
        assert 0 < client.pttl(name) <= rate_limit.WINDOW_MS
        client.pexpire(name, 0)
    assert http.get("/v1/models").status_code == 200


def test_the_sdk_knows_the_refusal(client: OpenAI, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    client.models.list()
    with pytest.raises(RateLimitError) as caught:
        client.models.list()
    assert caught.value.code == "rate_limit_exceeded"


def test_a_wrong_key_is_not_counted(address: str, settings: Settings, project: Project) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    headers = {"Authorization": "Bearer sk-wrong"}
    asked = [httpx2.get(f"{address}/v1/models", headers=headers).status_code for _ in range(3)]
    assert asked == [401] * 3


def test_everybody_passes_while_redis_does_not_answer(
    http: httpx2.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    nowhere = redis.Redis.from_url("unix:///nowhere/redis.sock", decode_responses=True)
    monkeypatch.setattr(redis_commands, "_client", lambda: nowhere)
    assert [http.get("/v1/models").status_code for _ in range(3)] == [200] * 3

"""Secrets that are short; names that are close to one of ours, and those that only look so."""

import pytest

from playground.runner.doubts import SHORT, doubts, misspelt


@pytest.mark.parametrize("name", ["METRICS_TOKEN", "SECRET_KEY", "PLAYGROUND_LOGIN_TOKEN"])
def test_a_secret_that_can_be_guessed_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x" * (SHORT[name] - 1))
    assert any(line.startswith(f"{name} has less than") for line in doubts())
    monkeypatch.setenv(name, "x" * SHORT[name])
    assert not any(line.startswith(name) for line in doubts())


@pytest.mark.parametrize(
    "name, meant",
    [
        ("REDIS_URI", "REDIS_URL"),
        ("DATABASE_URL_FILES", "DATABASE_URL_FILE"),
        ("AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("EMBEDDINGS_MODEL", "EMBEDDING_MODEL"),
    ],
)
def test_one_that_is_close_is_told_with_the_one_that_is_meant(name: str, meant: str) -> None:
    (line,) = misspelt({name: "x"})
    assert line == f"{name} is no setting: {meant} is, if that was meant."


def test_what_others_read_is_left_alone() -> None:
    others = (
        *("PATH", "HOME", "HOSTNAME", "LANG", "TZ", "DISPLAY", "TMPDIR", "SHELL", "PWD"),
        *("PYTHONPATH", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"),
        *("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_TYPE", "AWS_SECRET_ACCESS_KEY"),
        *("POSTGRES_PASSWORD", "OTEL_EXPORTER_OTLP_ENDPOINT", "CHROMIUM", "MAKELEVEL"),
        *("SESSIONS_DIR", "INTERPRETER_SOCKET", "PROCESS", "KUBERNETES_SERVICE_HOST", "DATA_DIR"),
    )
    assert list(misspelt(dict.fromkeys(others, "x"))) == []

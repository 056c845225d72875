"""Log lines for people and for machines."""

import json
import logging
import sys

from playground.logs import JsonFormatter, NoProbes, TextFormatter


def record(level: int, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("assistants.engine", level, __file__, 1, message, arguments, None)


def test_plain_news_has_no_level_and_a_warning_has() -> None:
    assert TextFormatter().format(record(logging.INFO, "ready")) == "assistants.engine: ready"
    warning = TextFormatter().format(record(logging.WARNING, "slow"))
    assert warning == "WARNING assistants.engine: slow"


def test_a_json_line_is_one_object_with_the_error_in_it() -> None:
    line = record(logging.ERROR, "failed: %s", "no\nway")
    try:
        raise ValueError("wrong")
    except ValueError:
        line.exc_info = sys.exc_info()
    text = JsonFormatter().format(line)
    told = json.loads(text)
    assert "\n" not in text
    assert told["level"] == "error"
    assert told["logger"] == "assistants.engine"
    assert told["message"] == "failed: no\nway"
    assert told["error"].endswith("ValueError: wrong")
    assert told["time"].endswith("+00:00")


def test_the_503_of_a_health_probe_is_not_logged() -> None:
    line = record(logging.ERROR, "Service Unavailable")
    assert NoProbes().filter(line)
    line.__dict__["request"] = type("Request", (), {"path": "/healthz"})()
    assert not NoProbes().filter(line)

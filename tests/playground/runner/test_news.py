"""What a start says, and why there is none: where lines are JSON, one object each."""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests import postgres
from tests.stack import ROOT, clean_environment, free_port


def prepare(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "playground.runner", "prepare"],
        cwd=ROOT,
        env={**clean_environment(), "DATA_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_setting_that_is_wrong_is_an_error_in_json(tmp_path: Path) -> None:
    done = prepare(tmp_path, LOG_FORMAT="json", PORT="none")
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert done.returncode == 1
    assert (told["level"], told["message"]) == ("error", "PORT=none is not a whole number.")


def test_what_a_command_says_at_its_end_is_an_error_in_one_object(
    tmp_path: Path, redis_url: str
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}"
    done = prepare(tmp_path, LOG_FORMAT="json", REDIS_URL=nowhere)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["level"] == "error"
    assert told["message"].startswith("Redis does not answer at REDIS_URL: ")

    # This one the pool of connections has a warning for as well, were it asked.
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    done = prepare(tmp_path, LOG_FORMAT="json", REDIS_URL=redis_url, DATABASE_URL=nobody)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["level"] == "error"
    assert json.loads(line)["message"].startswith("The database cannot be used: ")


def test_a_database_that_does_not_exist_is_told_at_once_in_one_line(
    tmp_path: Path, redis_url: str, postgres_folder: Path
) -> None:
    url = postgres.url_of(postgres_folder, "nothing")
    begun = time.monotonic()
    done = prepare(tmp_path, REDIS_URL=redis_url, DATABASE_URL=url)
    assert time.monotonic() - begun < 8
    (line,) = done.stdout.splitlines()
    assert done.returncode == 1
    assert line.startswith("The database cannot be used: ")
    assert line.endswith('database "nothing" does not exist')


def test_a_redis_that_nobody_has_started_or_named_is_told_how(tmp_path: Path) -> None:
    done = prepare(tmp_path, REDIS_URL="", RUNTIME_DIR=str(tmp_path / "own"))
    (line,) = done.stdout.splitlines()
    assert line == (
        "No Redis runs here: set REDIS_URL to one that does, or start this one first "
        "(python -m playground.runner redis)."
    )


def test_what_is_hardly_meant_is_a_warning_and_no_more(tmp_path: Path, redis_url: str) -> None:
    doubtful = {
        "SECRET_KEY": "short",
        "PLAYGROUND_API_KEY": "x",
        "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com",
        "WORKER_RUN": "5",
        "OPENAI_API_KEYS_FILE": "/nothing",
    }
    done = prepare(tmp_path, REDIS_URL=redis_url, LOG_FORMAT="json", **doubtful)
    assert done.returncode == 0, done.stdout
    warnings = [
        told["message"]
        for told in map(json.loads, done.stdout.splitlines())
        if told["level"] == "warning"
    ]
    guessed = "so it can be guessed: openssl rand -hex 32 makes one."
    assert warnings == [
        f"SECRET_KEY has less than 32 characters, {guessed}",
        f"PLAYGROUND_API_KEY has less than 16 characters, {guessed}",
        "AZURE_OPENAI_ENDPOINT is set without AZURE_OPENAI_API_KEY: Azure refuses that.",
        "OPENAI_API_KEYS_FILE is no setting: OPENAI_API_KEY_FILE is, if that was meant.",
        "WORKER_RUN is no setting: WORKER_RUNS is, if that was meant.",
    ]

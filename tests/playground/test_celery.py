"""What the Celery applications add to Celery's own programs."""

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from playground.celery import say_that_it_has_ended
from tests.stack import ROOT, clean_environment

BEAT = """
import signal
from playground import clock
told = []
each = signal.SIGTERM, signal.SIGINT
for one in each:
    signal.signal(one, lambda number, _: told.append(number))
clock.stop_once()
for one in (signal.{first}, *each):
    signal.raise_signal(one)
assert told == [signal.{first}], told
"""
"""In a process of its own: it makes the Celery application of beat."""


@pytest.mark.parametrize("first", ["SIGTERM", "SIGINT"])
def test_beat_is_not_disturbed_by_further_signals_while_it_ends(first: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEAT.format(first=first)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("exitcode, said", [(None, 1), (0, 1), (1, 0)])
def test_a_worker_that_ends_for_a_failure_does_not_say_that_all_is_in_order(
    caplog: pytest.LogCaptureFixture, exitcode: int | None, said: int
) -> None:
    with caplog.at_level(logging.INFO):
        say_that_it_has_ended(SimpleNamespace(exitcode=exitcode))
    assert caplog.text.count("worker has ended in order") == said

"""What the Celery application adds to Celery's own programs."""

import signal
from collections.abc import Iterator

import pytest

from playground.celery import stop_once

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def told() -> Iterator[list[int]]:
    """The signals that Celery's handler, which ends beat, has been called with."""
    told: list[int] = []
    before = [signal.signal(each, lambda number, _: told.append(number)) for each in SIGNALS]
    yield told
    for each, handler in zip(SIGNALS, before, strict=True):
        signal.signal(each, handler)


@pytest.mark.parametrize("first", SIGNALS)
def test_beat_is_not_disturbed_by_further_signals_while_it_ends(
    told: list[int], first: signal.Signals
) -> None:
    stop_once()
    for each in (first, *SIGNALS):
        signal.raise_signal(each)
    assert told == [first]

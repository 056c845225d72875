"""The time that objects are stamped with."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from assistants.models import clock


def test_no_two_moments_are_the_same() -> None:
    found: list[datetime] = []
    threads = [
        threading.Thread(target=lambda: found.extend(clock.now() for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2000


def test_time_passes_though_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now()
    monkeypatch.setattr(clock, "_system", lambda: datetime.now(UTC) - timedelta(hours=1))
    time.sleep(0.1)
    assert timedelta(seconds=0.1) <= clock.now() - before < timedelta(seconds=5)


def test_it_is_the_systems_time() -> None:
    for _ in range(1000):
        clock.now()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(milliseconds=100)

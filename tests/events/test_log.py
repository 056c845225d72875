"""Short commands to Redis when it does not answer in time."""

import os
import signal
import time

import pytest
import redis

from assistants import redis_commands
from assistants.events import log
from assistants.events.log import Event


@pytest.fixture
def hung(redis_url: str) -> int:
    """The process of the tests' Redis."""
    info = redis_commands.answer(lambda client: client.info("server"))
    return int(info["process_id"])


def test_a_redis_that_hangs_is_waited_for_once(hung: int, caplog: pytest.LogCaptureFixture) -> None:
    os.kill(hung, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        for _ in range(5):
            log._append("thread_1", [Event("thread.created", "{}")])
        assert log.read("thread_1") == []
        assert log.tip("thread_1") == log.START
        assert (
            redis_commands.ANSWER_SECONDS
            <= time.monotonic() - begun
            < redis_commands.ANSWER_SECONDS + 1
        )
    finally:
        os.kill(hung, signal.SIGCONT)
    assert caplog.text.count("the event log does not take thread.created") == 5
    assert "Traceback" not in caplog.text
    with pytest.raises(redis.TimeoutError, match="a moment ago"):
        redis_commands.answer(lambda client: client.ping())

    redis_commands.forget()
    assert redis_commands.answer(lambda client: client.ping())

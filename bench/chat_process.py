"""The chat model of the benchmarks: ``tests.chat_server`` in a process of its own.

The first word of every answer is the time at which it was written, in nanoseconds of the system's
clock, so that whoever reads it knows how long it was under way.

    python -m bench.chat_process        prints its base URL, answers until SIGTERM
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chat_server import ChatServer, Exchange, Pace, text, tool_call
from tests.stack import ROOT

WORDS = [f"word{number} " for number in range(4)]
WORDS_A_SECOND = 100

LOAD_QUESTION = "twenty words a second"
LOAD_WORDS = 400
LOAD_WORDS_A_SECOND = 20
FAST_QUESTION = "as fast as you can"
SHORT_QUESTION = "in a word"
"""Every word of the answer to the first question is its number and its time,
``17:1795699618000000000``.
"""


@contextmanager
def running() -> Iterator[str]:
    """The base URL of a chat server that runs as long as this lasts."""
    command = [sys.executable, "-m", "bench.chat_process"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def written_at(first_words: str) -> int:
    """When an answer that begins like this was written, in nanoseconds."""
    return int(first_words.split(maxsplit=1)[0])


async def _the_time(exchange: Exchange) -> None:
    await exchange.send({"content": f"{time.time_ns()} "})


async def _numbered(exchange: Exchange) -> None:
    pace = Pace(LOAD_WORDS_A_SECOND)
    for number in range(LOAD_WORDS):
        await pace.beat()
        await exchange.send({"content": f"{number}:{time.time_ns()} "})


def main() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with ChatServer(remember=False) as server:
        server.when(LOAD_QUESTION, [_numbered])
        server.when(FAST_QUESTION, [text("word " * LOAD_WORDS)])
        server.when(SHORT_QUESTION, [_the_time])
        server.when("call wait", [tool_call("wait", {})])
        server.otherwise(_the_time, text("", pieces=WORDS, rate=WORDS_A_SECOND))
        print(server.url, flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()

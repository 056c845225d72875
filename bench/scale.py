"""Two web servers and two workers over PostgreSQL against one of each, and what a run costs each
part.

Runs of 400 words, as in ``load``, but as fast as they come: so many clients, each with the next run
as soon as the last has ended, spread over the web servers. Then runs at 20 words a second, from
which the costs are taken that ``bench/planning.py`` reckons with.

    python -m bench scale
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import redis.asyncio
import uvloop

from bench import chat_process
from bench.chat_process import FAST_QUESTION, LOAD_QUESTION, LOAD_WORDS, SHORT_QUESTION
from bench.figures import Figure, Report, p99
from bench.load import Api
from tests import postgres
from tests.stack import ROOT, clean_environment, free_port
from tests.until import until

CLIENTS: Final = 24
SECONDS: Final = 25.0
WARM_SECONDS: Final = 5.0
PACED: Final = 60
"""Runs at once at 20 words a second, from which costs are taken."""
SHORT_CLIENTS: Final = 4
SHORT_SECONDS: Final = 10.0
"""Runs of one word, as fast as they come: what a run costs that has hardly begun when it ends."""
KEY: Final = "sk-bench"
RUNNER: Final = (sys.executable, "-m", "playground.runner")
COSTS: Final = Path(__file__).with_name("costs.json")


@dataclass
class Several:
    """So many processes of each kind, with PostgreSQL and Redis; all on this machine."""

    urls: list[str] = field(default_factory=list)
    parts: dict[str, list[psutil.Process]] = field(default_factory=dict)
    redis: "redis.Redis | None" = None

    def seconds(self) -> dict[str, float]:
        """The processor time of each kind until now, with what it has started."""
        found = {}
        for kind, processes in self.parts.items():
            found[kind] = 0.0
            for process in processes:
                for one in (process, *process.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        times = one.cpu_times()
                        # Of a PostgreSQL, connections that have ended are their parent's children.
                        found[kind] += times.user + times.system
                        found[kind] += times.children_user + times.children_system
        return found

    def memory(self) -> dict[str, float]:
        """Resident megabytes of the first web server, worker and Redis."""
        kinds = ("web", "worker", "redis")
        return {kind: self.parts[kind][0].memory_info().rss / 2**20 for kind in kinds}

    def traffic(self) -> float:
        """Bytes into and out of Redis until now."""
        assert self.redis is not None
        told: dict[str, Any] = self.redis.info("stats")
        return float(told["total_net_input_bytes"]) + float(told["total_net_output_bytes"])


@contextmanager
def running(webs: int, workers: int, chat_url: str) -> Iterator[Several]:
    """Started and warm."""
    with ExitStack() as made:
        folder = Path(made.enter_context(tempfile.TemporaryDirectory(prefix="scale-")))
        server = made.enter_context(postgres.server())
        postgres.execute(server.folder, "CREATE DATABASE bench")
        environment = {
            **clean_environment(),
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": postgres.url_of(server.folder, "bench"),
            "REDIS_URL": f"unix://{folder}/redis.sock",
            "OPENAI_BASE_URL": chat_url,
            "PLAYGROUND_API_KEY": KEY,
            "PLAYGROUND_LOGIN_TOKEN": "bench",
        }
        found = Several()

        def start(kind: str, command: list[str], **more: str) -> None:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**environment, **more}, stdout=subprocess.DEVNULL
            )
            made.callback(process.wait)
            made.callback(process.kill)
            found.parts.setdefault(kind, []).append(psutil.Process(process.pid))

        def process(name: str, number: int = 0, **more: str) -> None:
            runtime = str(folder / f"{name}{number}")
            start(name, [*RUNNER, name], RUNTIME_DIR=runtime, **more)

        # As in alive().
        from playground.redis_server import find_server

        store = [find_server(), "--port", "0", "--unixsocket", f"{folder}/redis.sock"]
        start("redis", [*store, "--save", "", "--dir", str(folder)])
        found.redis = redis.Redis.from_url(environment["REDIS_URL"])
        until((folder / "redis.sock").exists, "Redis does not start")
        subprocess.run(
            [*RUNNER, "prepare"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        found.parts["postgres"] = [psutil.Process(server.pid)]
        for number in range(webs):
            port = free_port()
            process("web", number, HOST="127.0.0.1", PORT=str(port))
            found.urls.append(f"http://127.0.0.1:{port}/v1")
        for number in range(workers):
            process("worker", number)
        process("beat")
        until(
            lambda: uvloop.run(alive(environment["REDIS_URL"])) == workers,
            "a worker is missing",
            90,
        )
        uvloop.run(load(found, FAST_QUESTION, CLIENTS, WARM_SECONDS))
        yield found


async def alive(redis_url: str) -> int:
    """How many workers there are."""
    # Imported here: it knows the settings, which the other benchmarks set first.
    from assistants import workers

    async with redis.asyncio.Redis.from_url(redis_url) as client:
        return await workers.count(client)


async def load(several: Several, question: str, clients: int, seconds: float) -> list[float]:
    """Runs, one after the other by each client, for so long; the ms to the first word of each."""
    headers = {"Authorization": f"Bearer {KEY}"}
    doors = [Api(url, headers) for url in several.urls]
    assistant = await asked(doors[0], "/assistants", {"model": "played"})
    until_ = time.monotonic() + seconds
    first: list[float] = []

    async def one(number: int) -> None:
        door = doors[number % len(doors)]
        while time.monotonic() < until_:
            begun, heard = time.monotonic(), 0.0
            thread = {"messages": [{"role": "user", "content": question}]}
            body = {"assistant_id": assistant["id"], "thread": thread, "stream": True}
            name = b""
            async for line in door.stream("/threads/runs", body):
                if line.startswith(b"event: "):
                    name = line[7:]
                    if name == b"thread.message.delta" and not heard:
                        heard = time.monotonic()
            if heard:
                first.append((heard - begun) * 1000)

    await asyncio.gather(*map(one, range(clients)))
    return first


async def asked(api: Api, path: str, body: Any) -> Any:
    """The answer, after some patience: the web server may have just been started."""
    for _ in range(200):
        with suppress(OSError):
            return await api.ask(path, body)
        await asyncio.sleep(0.3)
    raise RuntimeError("the web server does not answer")


@dataclass(frozen=True)
class Throughput:
    runs_a_second: float
    first_ms: float
    busy: dict[str, float]
    """Processors that each kind had, all its processes together."""


def fastest(several: Several) -> Throughput:
    before, begun = several.seconds(), time.monotonic()
    first = uvloop.run(load(several, FAST_QUESTION, CLIENTS, SECONDS))
    took = time.monotonic() - begun
    after = several.seconds()
    busy = {kind: (after[kind] - before[kind]) / took for kind in after}
    return Throughput(len(first) / took, p99(first), busy)


def costs(several: Several) -> dict[str, Any]:
    """Of one run of 400 words at 20 words a second, beside others, each with one reader."""
    uvloop.run(load(several, FAST_QUESTION, 2, 1))
    seconds, memory, traffic = several.seconds(), several.memory(), several.traffic()
    begun = time.monotonic()

    async def paced() -> tuple[list[float], dict[str, float]]:
        async def look() -> dict[str, float]:
            await asyncio.sleep(15)
            return several.memory()

        first, within = await asyncio.gather(load(several, LOAD_QUESTION, PACED, 1), look())
        return first, within

    first, within = uvloop.run(paced())
    took, runs = time.monotonic() - begun, len(first)
    after, traffic_after = several.seconds(), several.traffic()
    short = len(uvloop.run(load(several, SHORT_QUESTION, SHORT_CLIENTS, SHORT_SECONDS)))
    at_last = several.seconds()
    return {
        "seconds": took,
        "words": LOAD_WORDS,
        "runs": runs,
        "cpu_seconds": {kind: round((after[kind] - seconds[kind]) / runs, 4) for kind in after},
        "cpu_seconds_of_one_word": {
            kind: round((at_last[kind] - after[kind]) / short, 4) for kind in after
        },
        "memory_mb": {kind: round(memory[kind], 1) for kind in memory},
        "memory_mb_a_run": {
            kind: round(max(0.0, within[kind] - memory[kind]) / runs, 3) for kind in memory
        },
        "redis_bytes": round((traffic_after - traffic) / runs),
    }


def measure() -> Report:
    """The figures, and bench/costs.json anew."""
    with chat_process.running() as chat_url:
        with running(1, 1, chat_url) as one:
            single = fastest(one)
            found = costs(one)
        with running(2, 2, chat_url) as two:
            double = fastest(two)
    found["machine"] = {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[2], 1)}
    COSTS.write_text(json.dumps(found, indent=2) + "\n")
    rows = [("processors in use", "one of each", "two of each")]
    rows += [(kind, f"{single.busy[kind]:.2f}", f"{double.busy[kind]:.2f}") for kind in single.busy]
    return Report(
        [
            Figure(
                f"{CLIENTS} clients, two web servers and two workers: runs a second",
                double.runs_a_second,
                "",
                direct=single.runs_a_second,
            ),
            Figure("the same: first token, p99", double.first_ms, "ms", direct=single.first_ms),
            Figure("one run: bytes through Redis", found["redis_bytes"], "B"),
            *(
                Figure(f"one run: processor time of {kind}", seconds * 1000, "ms")
                for kind, seconds in found["cpu_seconds"].items()
            ),
            *(
                Figure(f"one run of one word: processor time of {kind}", seconds * 1000, "ms")
                for kind, seconds in found["cpu_seconds_of_one_word"].items()
            ),
        ],
        [("Who had the processors", rows)],
    )

"""What to run for so many runs at once: reckoned from what one was measured to cost, then tried in
a simulation of the queues.

    python -m bench.planning            the table of docs/planning.md, from bench/costs.json

``bench/costs.json`` is what ``python -m bench scale`` has measured. Processors are those of that
machine. The simulation knows what the reckoning leaves out: that runs come when they come, that
each part does one thing after the other, and that a run waits where a place is taken.
"""

import argparse
import json
import math
import random
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import simpy

from bench.figures import p99, table

COSTS: Final = Path(__file__).with_name("costs.json")
SIZES: Final = {1: 7200.0, 1_000: 300.0, 100_000: 300.0}
"""Runs at once, and for how many seconds they are simulated."""
RUN_SECONDS: Final = 20.0
"""How long the provider takes for one: 400 words, 20 a second."""
SHARE: Final = 0.6
"""Of its processor that a process is to use: above, what waits grows fast."""
PLACES: Final = 400
"""WORKER_RUNS."""
DATABASE_PROCESSORS: Final = 16
"""Of one PostgreSQL server; more runs need more of them, and so a second installation."""
LOG_BYTES: Final = 112_220
"""What Redis needs for the event log of a run of 400 words (MEMORY USAGE, after its end)."""
LOG_SECONDS: Final = 7 * 24 * 3600
"""EVENT_DAYS."""
SLICES: Final = 4
"""In which that is done: each waits its turn."""


@dataclass(frozen=True)
class Plan:
    """How many of each, for so many runs at once."""

    runs: int
    installations: int
    web: int
    worker: int
    postgres: int
    """Processors of PostgreSQL, in each installation."""

    @property
    def rate(self) -> float:
        """Runs that begin in a second."""
        return self.runs / RUN_SECONDS


@dataclass(frozen=True)
class Found:
    """What came of it: ms to the first word that are ours, and how busy the busiest was."""

    begun: int
    p50: float
    p99: float
    busy: dict[str, float]


def plan(runs: int, cost: dict[str, float]) -> Plan:
    """The fewest of each that use no more than SHARE of their processors. One Redis and one
    PostgreSQL are what an installation has; where they are full, there are several, each with its
    own people.
    """
    rate = runs / RUN_SECONDS
    redis, database = rate * cost["redis"] / SHARE, rate * cost["postgres"] / SHARE
    installations = max(1, math.ceil(redis), math.ceil(database / DATABASE_PROCESSORS))
    each = rate / installations
    return Plan(
        runs,
        installations,
        web=max(1, math.ceil(each * cost["web"] / SHARE)),
        worker=max(
            1,
            math.ceil(each * cost["worker"] / SHARE),
            math.ceil(runs / installations / (PLACES * 0.8)),
        ),
        postgres=max(1, math.ceil(each * cost["postgres"] / SHARE)),
    )


def simulate(
    chosen: Plan,
    cost: dict[str, float],
    short: dict[str, float],
    seconds: float,
    seed: int = 1,
) -> Found:
    """One installation of the plan. Runs come at random (Poisson), each to any web server; a worker
    that has a place takes the oldest; what a process has to do it does one after the other.

    ``cost`` has the processor seconds of a whole run, ``short`` those of a run of one word: what is
    done before the first word, and a little that is done at the end.
    """
    dice = random.Random(seed)
    world = simpy.Environment()
    kinds = {"web": chosen.web, "worker": chosen.worker, "redis": 1, "postgres": chosen.postgres}
    # A process has one Python, and so one processor; PostgreSQL's are shared by all.
    parts = {
        kind: [simpy.Resource(world) for _ in range(number)]
        for kind, number in kinds.items()
        if kind != "postgres"
    } | {"postgres": [simpy.Resource(world, kinds["postgres"])]}
    used = dict.fromkeys(kinds, 0.0)
    places = simpy.Resource(world, chosen.worker * PLACES)
    waited: list[float] = []
    running = [0] * chosen.worker

    def work(kind: str, part: simpy.Resource, needs: float) -> Generator[simpy.Event, None, None]:
        # Not each the same: half of it at least, and now and then far more.
        took = needs * (0.5 + dice.expovariate(2.0))
        with part.request() as turn:
            yield turn
            yield world.timeout(took)
        used[kind] += took

    def run() -> Generator[simpy.Event, None, None]:
        begun = world.now
        web = dice.choice(parts["web"])
        yield from work("web", web, short["web"])
        yield from work("postgres", parts["postgres"][0], short["postgres"] / 2)
        with places.request() as place:
            yield place
            # Whichever is least busy hears the ring first.
            number = min(
                dice.sample(range(chosen.worker), min(2, chosen.worker)), key=running.__getitem__
            )
            running[number] += 1
            worker = parts["worker"][number]
            yield from work("redis", parts["redis"][0], short["redis"])
            yield from work("worker", worker, short["worker"])
            yield from work("postgres", parts["postgres"][0], short["postgres"] / 2)
            waited.append((world.now - begun) * 1000)
            for _ in range(SLICES):
                yield world.timeout(RUN_SECONDS / SLICES)
                for kind, part in (("worker", worker), ("redis", parts["redis"][0]), ("web", web)):
                    yield from work(kind, part, (cost[kind] - short[kind]) / SLICES)
            yield from work("postgres", parts["postgres"][0], cost["postgres"] - short["postgres"])
            running[number] -= 1

    def arrivals() -> Generator[simpy.Event, None, None]:
        while True:
            yield world.timeout(dice.expovariate(chosen.rate / chosen.installations))
            world.process(run())

    world.process(arrivals())
    world.run(until=seconds)
    busy = {kind: used[kind] / seconds / kinds[kind] for kind in kinds}
    waited = waited or [0.0]
    waited.sort()
    return Found(len(waited), waited[len(waited) // 2], p99([*waited, waited[-1]]), busy)


def rows(costs: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table: a column for each size."""
    cost: dict[str, float] = costs["cpu_seconds"]
    # What was measured apart may be a little more than the whole where that is next to nothing.
    short = {kind: min(costs["cpu_seconds_of_one_word"][kind], cost[kind]) for kind in cost}
    columns = []
    for runs, seconds in SIZES.items():
        chosen = plan(runs, cost)
        found = simulate(chosen, cost, short, seconds)
        memory = {
            kind: costs["memory_mb"][kind]
            + costs["memory_mb_a_run"][kind] * runs / chosen.installations / number
            for kind, number in (("web", chosen.web), ("worker", chosen.worker))
        }
        total = chosen.installations * (
            chosen.web * memory["web"] + chosen.worker * memory["worker"]
        )
        columns.append(
            (
                f"{runs:,}",
                f"{chosen.rate:,.2f}",
                f"{chosen.installations}",
                f"{chosen.web}",
                f"{chosen.worker}",
                f"{chosen.postgres}",
                f"{chosen.rate * sum(cost.values()):,.2f}",
                f"{total / 1024:,.1f} GB",
                f"{chosen.rate * LOG_BYTES * LOG_SECONDS / chosen.installations / 1024**3:,.0f} GB",
                f"{chosen.rate * costs['redis_bytes'] / chosen.installations / 2**20:,.2f} MB/s",
                f"{found.p50:,.0f} / {found.p99:,.0f} ms",
                ", ".join(f"{kind} {share:.0%}" for kind, share in found.busy.items()),
            )
        )
    heads = (
        "runs at once",
        "runs that begin in a second",
        "installations",
        "web servers in each",
        "workers in each",
        "processors of PostgreSQL in each",
        "processors in use, all together",
        "memory of web servers and workers, all together",
        "event logs of a week in each Redis, if it has room",
        "Redis traffic in each",
        "simulated: our part of the time to the first word, p50 / p99",
        "simulated: busy",
    )
    return [(head, *(column[place] for column in columns)) for place, head in enumerate(heads)]


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__).parse_args()
    print(table(rows(json.loads(COSTS.read_text()))))


if __name__ == "__main__":
    main()

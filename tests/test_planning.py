"""The reckoning and the simulation behind docs/planning.md."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from bench.planning import COSTS, PLACES, RUN_SECONDS, SHARE, SIZES, plan, rows, simulate

COST = {"web": 0.05, "worker": 0.1, "postgres": 0.04, "redis": 0.01, "beat": 0.001}
SHORT = {"web": 0.015, "worker": 0.035, "postgres": 0.024, "redis": 0.001, "beat": 0.0}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "planning.md"


@pytest.mark.parametrize("runs", [1, 50, 400])
def test_what_is_planned_is_as_busy_as_was_reckoned_and_nobody_waits_long(runs: int) -> None:
    chosen = plan(runs, COST)
    found = simulate(chosen, COST, SHORT, 200)
    assert found.begun == pytest.approx(200 * chosen.rate, rel=0.5)
    for kind, number in (("web", chosen.web), ("worker", chosen.worker)):
        reckoned = chosen.rate * COST[kind] / number
        assert reckoned <= SHARE
        assert found.busy[kind] == pytest.approx(reckoned, rel=0.3, abs=0.02)
    # What has to be done before the first word takes 75 ms by itself.
    assert 50 < found.p50 < 200
    assert found.p99 < 600


def test_who_has_too_few_processes_waits() -> None:
    chosen = plan(400, COST)
    enough = simulate(chosen, COST, SHORT, 60)
    few = simulate(dataclasses.replace(chosen, worker=1), COST, SHORT, 60)
    assert few.busy["worker"] > 0.95
    assert few.p99 > 10 * enough.p99


def test_a_worker_has_so_many_places_and_the_next_run_waits_for_one() -> None:
    """With work that costs nothing it is places alone that are missing."""
    free = dict.fromkeys(COST, 0.0)
    chosen = plan(1, free)
    crowded = dataclasses.replace(chosen, runs=2 * PLACES)
    assert simulate(crowded, free, free, 3 * RUN_SECONDS).p99 > RUN_SECONDS * 1000 / 4
    assert simulate(dataclasses.replace(crowded, worker=4), free, free, 3 * RUN_SECONDS).p99 == 0


def test_where_one_redis_is_full_there_are_several_installations() -> None:
    assert plan(100, COST).installations == 1
    many = plan(100_000, COST)
    assert many.rate / many.installations * COST["redis"] <= SHARE
    assert many.rate / (many.installations - 1) * COST["redis"] > SHARE * 0.99


def test_the_page_says_what_was_measured_and_reckoned() -> None:
    """All but what is simulated, which takes a while for the largest."""
    costs = json.loads(COSTS.read_text())
    page = PAGE.read_text()
    for kind, seconds in costs["cpu_seconds"].items():
        assert re.search(rf"\| {kind}[^|]*\|[^|]*\b{seconds * 1000:,.0f} ms", page), kind
    assert f"{costs['redis_bytes'] / 1000:,.0f} kB" in page
    for runs in SIZES:
        chosen = plan(runs, costs["cpu_seconds"])
        column = [f"{runs:,}", chosen.installations, chosen.web, chosen.worker, chosen.postgres]
        assert all(re.search(rf"\| {value} (?=\|)", page) for value in column), column


def test_each_row_of_the_table_has_a_column_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.planning.SIZES", {1: 60.0, 20: 30.0})
    found = rows(json.loads(COSTS.read_text()))
    assert {len(row) for row in found} == {3}

"""``python -m bench [name ...]``: run the benchmarks named, or the usual ones."""

import argparse
import importlib
import os
import time
from collections.abc import Callable
from functools import partial

from bench import million, retrieval, scale, start
from bench.figures import HEAD, Report, table

OF_A_RUNNING_SERVICE = ("first_token", "code", "thread_page", "bulk", "batch", "load")
BY_DEFAULT = ("start", "retrieval", *OF_A_RUNNING_SERVICE)
NAMES = (*BY_DEFAULT, "million", "scale")
"""The last two are for those who name them: minutes, and 1.5 GB of disk for the first of them."""


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    names: list[str] = options.parse_args().names or list(BY_DEFAULT)
    if unknown := set(names) - set(NAMES):
        options.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}")
    reports: list[Report] = []
    if "start" in names:
        reports.append(timed("start", start.measure))
    if "retrieval" in names:
        reports.append(timed("retrieval", retrieval.measure))
    if "million" in names:
        reports.append(timed("million", million.measure))
    if "scale" in names:
        reports.append(timed("scale", scale.measure))
    if wanted := [name for name in OF_A_RUNNING_SERVICE if name in names]:
        reports += measure_running(wanted)
    rows = [HEAD, *(figure.cells for report in reports for figure in report.figures)]
    for report in reports:
        for title, detail in report.details:
            print(f"\n{title}\n{table(detail)}")
    print(f"\n{table(rows)}")


def measure_running(names: list[str]) -> list[Report]:
    """Measure these on one running service, one after the other."""
    from bench import service

    reports = []
    with service.running() as running:
        for name in names:
            # Imported here: they know the models, for which Django has to be set up.
            module = importlib.import_module(f"bench.{name}")
            reports.append(timed(name, partial(module.measure, running)))
    return reports


def timed(name: str, measure: Callable[[], Report]) -> Report:
    """Measure, and say how long it took."""
    begun = time.monotonic()
    print(f"{name} ...", end=" ", flush=True)
    report = measure()
    print(f"{time.monotonic() - begun:.0f} s", flush=True)
    return report


if __name__ == "__main__":
    main()

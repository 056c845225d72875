"""How long a second ``make run`` takes, and what everything needs while nothing happens."""

import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.figures import Figure, Report, number
from bench.service import settle
from tests.stack import ROOT, clean_environment, free_port

STARTS = 3
TARGET_SECONDS = 8.0
TARGET_MB = 600.0
PATIENCE_SECONDS = 60.0
MAKE_ITS_OWN = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")


@dataclass(frozen=True)
class Started:
    """``seconds`` passed until /healthz said that all is well."""

    seconds: float
    make: psutil.Process


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with started(Path(folder)) as first:
            pass
        seconds: list[float] = []
        worked: list[float] = []
        for _ in range(STARTS):
            with started(Path(folder)) as again:
                seconds.append(again.seconds)
                worked.append(processor_seconds(again.make))
                if len(seconds) == STARTS:
                    settle(again.make.children(recursive=True))
                    megabytes = memory(again.make)
    rows = [("process", "MB"), *((name, number(size)) for name, size in megabytes.items())]
    return Report(
        [
            Figure("second make run to /healthz", median(seconds), "s", TARGET_SECONDS),
            Figure("second make run, processor time", median(worked), "s"),
            Figure("first make run, packages there", first.seconds, "s"),
            Figure("everything at rest, PSS", sum(megabytes.values()), "MB", TARGET_MB),
        ],
        [("At rest, proportional set size by process", rows)],
    )


@contextmanager
def started(data_dir: Path) -> Iterator["Started"]:
    """``make run``, until the block ends."""
    port = free_port()
    environment = {**clean_environment(), "DATA_DIR": str(data_dir), "PORT": str(port)}
    environment["PLAYGROUND_API_KEY"] = "sk-bench"
    for name in MAKE_ITS_OWN:
        environment.pop(name, None)
    begun = time.monotonic()
    with tempfile.TemporaryFile() as output:
        make = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _is_well(port):
                if make.poll() is not None or time.monotonic() - begun > PATIENCE_SECONDS:
                    output.seek(0)
                    raise RuntimeError(f"make run does not start:\n{output.read().decode()}")
                time.sleep(0.02)
            yield Started(time.monotonic() - begun, psutil.Process(make.pid))
        finally:
            if make.poll() is None:
                os.killpg(make.pid, signal.SIGINT)
                make.wait(PATIENCE_SECONDS)


def processor_seconds(make: psutil.Process) -> float:
    """What make and everything below it, also what has ended, has used of the processors."""
    return sum(sum(process.cpu_times()[:4]) for process in (make, *make.children(recursive=True)))


def memory(make: psutil.Process) -> dict[str, float]:
    """The proportional set size of every process of the Procfile, in MB; what a kernel and its
    sandbox take is told apart from the interpreter that owns them.
    """
    sizes: defaultdict[str, float] = defaultdict(float)
    runner = next(child for child in make.children() if "playground.runner" in child.cmdline())
    sizes["runner"] = _megabytes(runner)
    for child in runner.children():
        # A Redis writes its title over its environment.
        name = child.environ().get("PROCESS") or child.name()
        sizes[name] += _megabytes(child)
        below = child.children(recursive=True)
        kernels = sum(process.name().startswith("python") for process in below)
        label = f"{kernels} warm kernels" if name == "interpreter" else name
        for process in below:
            sizes[label] += _megabytes(process)
    return dict(sizes)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6


def _is_well(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, OSError):
        return False

"""The files of numbers: a process that starts sums up those of the dead, and of them alone."""

import os
import subprocess
import sys
from pathlib import Path

from assistants.metrics import GONE
from tests.stack import ROOT

COUNT = """
from assistants import metrics
metrics.runs_ended.labels("completed").inc()
print("counted", flush=True)
input()
"""


def begin(folder: Path) -> "subprocess.Popen[str]":
    """A process that has counted one run, and lives until it is told something."""
    started = subprocess.Popen(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout
    assert started.stdout.readline() == "counted\n"
    return started


def counted(folder: Path) -> int:
    """How many runs a web server would tell of."""
    code = (
        "import sys; from prometheus_client import CollectorRegistry, multiprocess as m;"
        "r = CollectorRegistry(); m.MultiProcessCollector(r, path=sys.argv[1]);"
        "print(r.get_sample_value('playground_runs_ended_total', {'status': 'completed'}) or 0)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    return int(float(asked.stdout))


def test_a_process_that_starts_sums_up_the_numbers_of_dead_ones_and_of_no_other(
    tmp_path: Path,
) -> None:
    first, second = begin(tmp_path), begin(tmp_path)
    try:
        assert counted(tmp_path) == 2
        first.kill()
        first.wait()
        assert counted(tmp_path) == 2
        third = begin(tmp_path)
        try:
            # A counter that falls would be taken for one that began anew.
            assert counted(tmp_path) == 3
            owners = {path.stem.rpartition("_")[2] for path in tmp_path.glob("*.db")}
            pids = {int(owner.rsplit("-", 2)[1]) for owner in owners - {GONE}}
            assert pids == {second.pid, third.pid}
        finally:
            third.communicate("end\n")
        fourth = begin(tmp_path)
        fourth.communicate("end\n")
        assert counted(tmp_path) == 4
    finally:
        second.communicate("end\n")

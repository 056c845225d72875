"""What is most likely to differ between the databases runs on PostgreSQL too, whenever the tests
run on SQLite. All tests do with ``TEST_DATABASE=postgresql``.
"""

import os
import re
import subprocess
import sys

import pytest

from tests.stack import ROOT

FILES = [
    "tests/operations/test_ingestion.py",
    "tests/operations/test_embedding.py",
    "tests/operations/test_runs.py",
    "tests/operations/test_threads.py",
]


@pytest.mark.sqlite  # it starts the other
@pytest.mark.timeout(400)
def test_storing_listing_and_searching_run_on_postgresql_too() -> None:
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": "postgresql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert passed
    assert int(passed[1]) > 100

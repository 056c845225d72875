"""What is most likely to differ between the databases runs on PostgreSQL too, whenever the tests
run on SQLite. All tests do with ``TEST_DATABASE=postgresql``.
"""

import os
import re
import subprocess
import sys

import pytest

from tests.stack import ROOT

# The queries of the operations and of the lists of both faces, in some three minutes on two busy
# cores. What takes long is left out: the sequences of the promise, and the whole stack.
PARTS = [
    "tests/operations",
    "--ignore=tests/operations/test_promise.py",
    "tests/events",
    "tests/api/test_lists.py",
    "tests/api/test_messages.py",
    "tests/api/test_threads.py",
    "tests/api/test_vector_stores.py",
    "tests/api/test_vector_store_files.py",
]


@pytest.mark.sqlite  # it starts the other
@pytest.mark.timeout(600)
def test_what_is_stored_listed_and_searched_is_the_same_on_postgresql() -> None:
    assert passed_on_postgresql(PARTS) > 250


def passed_on_postgresql(parts: list[str]) -> int:
    """How many tests have passed there; none may fail."""
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=20", *parts],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": "postgresql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert passed
    return int(passed[1])

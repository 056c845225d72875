"""What tests of the demo model are given: a thread to talk in, and a Python to run its code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.demo.demo_thread import PlainPython, Thread

SANDBOX_PYTHON = Path(__file__).parents[3] / ".sandbox-venv/bin/python"


@pytest.fixture(scope="session")
def plain_python() -> Iterator[PlainPython]:
    python = PlainPython(SANDBOX_PYTHON)
    yield python
    python.close()


@pytest.fixture
def thread(plain_python: PlainPython, tmp_path: Path) -> Thread:
    return Thread(plain_python, tmp_path)

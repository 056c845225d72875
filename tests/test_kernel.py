"""Which skipped tests are excused where CI is set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULE = """
import pytest
from tests.kernel import FEATURES

FEATURES["cgroup v2"] = lambda: False

@pytest.mark.needs_kernel("cgroup v2")
def test_what_a_kernel_does_not_give():
    raise AssertionError
"""
SKIPS = """
def test_what_skips_itself():
    pytest.skip("this kernel has no cgroup v2")
"""
UNKNOWN = """
@pytest.mark.needs_kernel("what nobody has heard of")
def test_what_is_not_listed():
    pass
"""


@pytest.mark.parametrize(
    "more, passes, said",
    [
        ("", True, "1 skipped"),
        (SKIPS, False, "no test may be skipped"),
        (UNKNOWN, False, "KeyError: 'what nobody has heard of'"),
    ],
)
def test_only_what_is_marked_and_listed_may_be_missing(
    tmp_path: Path, more: str, passes: bool, said: str
) -> None:
    (tmp_path / "test_some.py").write_text(MODULE + more)
    options = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path / "test_some.py"],
        env={**os.environ, "CI": "true"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode == 0) == passes, ran.stdout
    assert said in ran.stdout

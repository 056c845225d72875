"""``manage.py sandbox check`` tells by its exit code whether the walls hold."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "sandbox", "check"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "playground.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_walls_that_hold(tmp_path: Path) -> None:
    done = check(DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("The code interpreter is on.\n")
    assert "BROKEN" not in done.stdout


def test_a_wall_that_does_not_hold(tmp_path: Path) -> None:
    done = check(DATA_DIR=str(tmp_path), SANDBOX_PYTHON=str(tmp_path / "no-python"))
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert done.stdout.endswith("The code interpreter is off.\n")

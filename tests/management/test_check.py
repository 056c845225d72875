"""``manage.py check --deploy``: nothing to say against what the documentation has people set."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, clean_environment

PRODUCTION = {"PUBLIC_URL": "https://playground.example.com"}


@pytest.mark.parametrize(
    "settings, warning",
    [
        (PRODUCTION, ""),
        ({}, "playground.W001"),
        ({"PUBLIC_URL": "http://playground.example.com"}, "playground.W001"),
        ({**PRODUCTION, "DEBUG": "yes"}, "security.W018"),
        ({**PRODUCTION, "SECRET_KEY": "short"}, "security.W009"),
    ],
)
def test_the_settings_of_production_pass_and_weaker_ones_do_not(
    tmp_path: Path, settings: dict[str, str], warning: str
) -> None:
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**clean_environment(), "DATA_DIR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode != 0) == bool(warning), checked.stderr
    assert set(re.findall(r"\w+\.W\d+", checked.stderr)) == ({warning} if warning else set())
    # By the names that our documentation has.
    assert ("set PUBLIC_URL=https://" in checked.stderr) == (warning == "playground.W001")
    assert "SECURE_" not in checked.stderr

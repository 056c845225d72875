"""``manage.py check --deploy``: nothing to say against what the documentation has people set."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, clean_environment

PRODUCTION = {"PUBLIC_URL": "https://playground.example.com"}


@pytest.mark.parametrize(
    "settings, warns",
    [
        (PRODUCTION, False),
        ({"PUBLIC_URL": "http://playground.example.com"}, True),
        ({**PRODUCTION, "DEBUG": "yes"}, True),
        ({**PRODUCTION, "SECRET_KEY": "short"}, True),
    ],
)
def test_the_settings_of_production_pass_and_weaker_ones_do_not(
    tmp_path: Path, settings: dict[str, str], warns: bool
) -> None:
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**clean_environment(), "DATA_DIR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode != 0) == warns, checked.stderr
    assert ("security.W" in checked.stderr) == warns

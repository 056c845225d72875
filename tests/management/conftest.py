"""What commands are tried on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.management.installation import FILL, Installation


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Installation:
    """An installation that has something in every table."""
    folder = tmp_path_factory.mktemp("installation")
    for name in ("files", "tmp", "run"):
        (folder / name).mkdir()
    installation = Installation(folder, redis_url)
    installation.manage("migrate", "--verbosity=0")
    installation.run(FILL)
    return installation


@pytest.fixture
def installation(filled: Installation, tmp_path: Path) -> Installation:
    folder = tmp_path / "data"
    shutil.copytree(filled.folder, folder)
    return Installation(folder, filled.environment["REDIS_URL"])


@pytest.fixture
def target(postgres_folder: Path) -> Iterator[str]:
    with postgres.database(postgres_folder, "target") as url:
        yield url

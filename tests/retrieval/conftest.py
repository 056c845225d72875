"""A reader that all tests of retrieval share, whose children are real processes; and each kind of
index.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistants.retrieval.index import Entry, KeywordIndex
from assistants.retrieval.kinds import Vectors, Words
from assistants.retrieval.passages import Passage
from assistants.retrieval.postgres import tables
from assistants.retrieval.postgres.vectors import VectorTables
from assistants.retrieval.postgres.words import KeywordTables
from assistants.retrieval.reader import Reader
from assistants.retrieval.vectors import VectorIndex
from tests import postgres

ReadBytes = Callable[..., list[Passage]]

STORE = "vs_0123456789abcdef0123456789abcdef"
OTHER = "vs_fedcba9876543210fedcba9876543210"
TEXTS = (
    "The blue whale is the largest animal that ever lived.",
    "Sharks are fish; a whale is none.",
    "蓝鲸是最大的动物。",
    "def count_whales(ocean): return len(ocean.whales)",
    "Nothing about the sea.",
)
FILES = """
import os, sys
from pathlib import Path
from assistants.retrieval.index import Entry, KeywordIndex
index = KeywordIndex(Path(sys.argv[1]))
"""
TABLES = """
import os, sys
from assistants.retrieval.index import Entry
from assistants.retrieval.postgres.words import KeywordTables
from tests.postgres import connecting
index = KeywordTables(connecting(sys.argv[1]))
"""


@dataclass
class Kind:
    """An index, and how another process has the same."""

    index: Words
    begin: str
    place: str

    def command(self, code: str) -> list[str]:
        """Runs code in which ``index`` is the index."""
        return [sys.executable, "-c", self.begin + code, self.place]

    def run(self, code: str, *, check: bool = True) -> str:
        """What the code prints in another process."""
        done = subprocess.run(self.command(code), check=check, capture_output=True, text=True)
        return done.stdout.strip()


@pytest.fixture(scope="session")
def tables_database(postgres_folder: Path) -> Iterator[str]:
    with postgres.database(postgres_folder, "retrieval") as url:
        with postgres.connecting(url)() as cursor:
            tables.make_words(cursor)
            tables.make_vectors(cursor)
        yield url


@pytest.fixture
def tables_url(tables_database: str) -> str:
    """A database that has the tables of the indexes, with nothing in them."""
    with postgres.connecting(tables_database)() as cursor:
        cursor.execute(
            "TRUNCATE search_stores, search_chunks, search_parts, search_postings,"
            " search_vector_stores, search_signs, search_vectors"
        )
    return tables_database


@pytest.fixture(params=["files", "tables"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    if request.param == "files":
        return Kind(KeywordIndex(tmp_path / "index"), FILES, str(tmp_path / "index"))
    url = request.getfixturevalue("tables_url")
    return Kind(KeywordTables(postgres.connecting(url)), TABLES, url)


@pytest.fixture
def words(kind: Kind) -> Words:
    """Either kind of index, with a few passages in it."""
    kind.index.add(STORE, [Entry(number, number // 2, text) for number, text in enumerate(TEXTS)])
    return kind.index


@pytest.fixture(params=["files", "tables"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> Vectors:
    """Either kind of vectors, with none in it."""
    if request.param == "files":
        return VectorIndex(tmp_path)
    return VectorTables(postgres.connecting(request.getfixturevalue("tables_url")))


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    reader = Reader(children=1)
    yield reader
    reader.close()


@pytest.fixture
def read(reader: Reader, tmp_path: Path) -> ReadBytes:
    """Write bytes to a file of that name, and read it."""

    def read(filename: str, data: bytes, **options: float) -> list[Passage]:
        path = tmp_path / "file"
        path.write_bytes(data)
        return reader.read(str(path), filename, **options)  # type: ignore[arg-type]

    return read

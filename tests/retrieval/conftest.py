"""A reader that all tests of retrieval share: its children are real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistants.retrieval.passages import Passage
from assistants.retrieval.reader import Reader

ReadBytes = Callable[..., list[Passage]]


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

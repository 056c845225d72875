"""Text files, whatever their encoding."""

from pathlib import Path

from assistants.retrieval.chunking import Page


def read(path: str) -> list[Page]:
    return [Page(Path(path).read_bytes().decode("utf-8-sig"))]

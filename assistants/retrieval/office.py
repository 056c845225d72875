"""Word and PowerPoint files: ZIP archives of XML."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assistants.retrieval.chunking import Page
from assistants.retrieval.unreadable import Unreadable

MAX_XML = 48 << 20
"""Bytes of XML, unpacked: as a tree they take ten times as much."""
MAX_UNPACKED = 400 << 20
"""Bytes of all that is in the archive, images too, which are loaded with it."""
MAX_MEMBERS = 10_000
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How Office files began before 2007, and still begin when they are encrypted."""


def read_docx(path: str) -> list[Page]:
    """A document's paragraphs and tables, in order; Word counts pages only when it prints."""
    _check(path, "word/", "Word")
    import docx

    try:
        document = docx.Document(path)
        return [Page("\n".join(_blocks(document.iter_inner_content())))]
    except (KeyError, ValueError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        raise Unreadable("invalid_file", "The Word file is damaged, or too large.") from error


def read_pptx(path: str) -> list[Page]:
    """A presentation's slides with their notes."""
    _check(path, "ppt/", "PowerPoint")
    import pptx

    try:
        slides = pptx.Presentation(path).slides
        return [Page("\n".join(_slide(slide)), number) for number, slide in enumerate(slides, 1)]
    except (KeyError, ValueError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        raise Unreadable("invalid_file", "The PowerPoint file is damaged, or too large.") from error


def _check(path: str, folder: str, kind: str) -> None:
    """That the archive is what its name says, and says itself that it is not too large."""
    with Path(path).open("rb") as file:
        if file.read(len(COMPOUND)) == COMPOUND:
            raise Unreadable(
                "invalid_file",
                f"The {kind} file is protected by a password, or of a version before 2007.",
            )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Unreadable(
            "invalid_file", f"The file is damaged, or not a {kind} file as its name says."
        ) from error
    if not any(member.filename.startswith(folder) for member in members):
        raise Unreadable("invalid_file", f"The file is not a {kind} file, as its name says.")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("invalid_file", f"The {kind} file is protected by a password.")
    xml = sum(member.file_size for member in members if member.filename.endswith((".xml", ".rels")))
    everything = sum(member.file_size for member in members)
    if xml > MAX_XML or everything > MAX_UNPACKED or len(members) > MAX_MEMBERS:
        raise Unreadable("invalid_file", f"The {kind} file is too large when it is unpacked.")


def _blocks(blocks: Iterable[Any]) -> Iterator[str]:
    for block in blocks:
        if hasattr(block, "rows"):
            yield from _rows(block)
        else:
            yield block.text


def _rows(table: Any) -> Iterator[str]:
    for row in table.rows:
        # A cell that spans several columns comes once for each.
        cells = list(dict.fromkeys(row.cells))
        yield "\t".join(" ".join(cell.text.split()) for cell in cells)


def _slide(slide: Any) -> Iterator[str]:
    yield from _shapes(slide.shapes)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        yield slide.notes_slide.notes_text_frame.text


def _shapes(shapes: Iterable[Any]) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        elif shape.has_text_frame:
            yield shape.text_frame.text.replace("\v", "\n")
        elif getattr(shape, "has_table", False):
            yield from _rows(shape.table)

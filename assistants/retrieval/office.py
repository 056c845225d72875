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
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BODY = "body"
AROUND = ("header", BODY, "footnotes", "endnotes", "footer")
"""The parts of a Word file that have text, as their relations are called, in the order in which
they are read.
"""
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How Office files began before 2007, and still begin when they are encrypted."""


def read_docx(path: str) -> list[Page]:
    """A document's paragraphs and tables, in order; Word counts pages only when it prints."""
    _check(path, "word/", "Word")
    import docx

    try:
        document = docx.Document(path)
        return [Page("\n".join(_document(document)))]
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
                f"The {kind} file is protected by a password, or of a version before 2007. "
                f"Save it without one, in today's format, and add it again.",
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
        raise Unreadable(
            "invalid_file",
            f"The {kind} file is protected by a password. Save it without one, and add it again.",
        )
    xml = sum(member.file_size for member in members if member.filename.endswith((".xml", ".rels")))
    everything = sum(member.file_size for member in members)
    if xml > MAX_XML or everything > MAX_UNPACKED or len(members) > MAX_MEMBERS:
        raise Unreadable("invalid_file", f"The {kind} file is too large when it is unpacked.")


def _document(document: Any) -> Iterator[str]:
    """What stands in its heads, its body, its notes and its feet."""
    from docx.oxml import parse_xml

    parts: dict[str, list[Any]] = {kind: [] for kind in AROUND}
    for related in document.part.rels.values():
        kind = related.reltype.rpartition("/")[2]
        if kind in parts and not related.is_external:
            parts[kind].append(related.target_part)
    for kind, found in parts.items():
        if kind == BODY:
            yield from _blocks(document.element.body)
        for part in sorted(found, key=lambda part: str(part.partname)):
            yield from filter(str.strip, _blocks(parse_xml(part.blob)))


def _blocks(element: Any) -> Iterator[str]:
    """The paragraphs below an element, and the rows of tables, in order. What stands around them,
    as an insertion that is tracked, or a field to be filled in, does not matter.
    """
    for child in element.iterchildren():
        match _name(child):
            case "p":
                yield "".join(_letters(child))
                for box in child.iter(f"{WORD}txbxContent"):
                    if not any(_name(outer) == "Fallback" for outer in box.iterancestors()):
                        yield from _blocks(box)
            case "tr":
                cells = [cell for cell in child.iter(f"{WORD}tc") if _row_of(cell) is child]
                yield "\t".join(" ".join(" ".join(_blocks(cell)).split()) for cell in cells)
            case "tbl":
                yield from _blocks(child)
                yield ""  # what follows is no row
            case _:
                yield from _blocks(child)


def _row_of(cell: Any) -> Any:
    """The row that a cell stands in: that of a table within it is another."""
    return next(outer for outer in cell.iterancestors() if _name(outer) == "tr")


def _letters(paragraph: Any) -> Iterator[str]:
    """The text of a paragraph without that of boxes that hang on it. What was deleted under
    tracking has another name.
    """
    for child in paragraph.iterchildren():
        match _name(child):
            case "t":
                yield child.text or ""
            case "tab":
                yield "\t"
            case "br" | "cr":
                yield "\n"
            case "noBreakHyphen":
                yield "-"
            case "pPr" | "rPr" | "drawing" | "pict" | "AlternateContent":
                pass
            case _:
                yield from _letters(child)


def _name(element: Any) -> str:
    """An element's own name; comments have none."""
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _rows(table: Any) -> Iterator[str]:
    for row in table.rows:
        yield "\t".join(" ".join(cell.text.split()) for cell in row.cells)


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

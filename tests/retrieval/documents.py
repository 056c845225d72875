"""Small real files of each type, and hostile ones, made on the spot."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import docx
import pptx


def pdf(contents: Sequence[bytes]) -> bytes:
    """A PDF whose pages draw these content streams, with the font F1."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for content in contents:
        stream = zlib.compress(content, 9)
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream)
        )
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    written = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%s"
        b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (len(objects) + 1, table, len(objects) + 1, len(written))
    )


def pdf_of(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    return pdf([f"BT /F1 12 Tf 50 700 Td ({page}) Tj ET".encode("latin-1") for page in pages])


def word(path: Path) -> bytes:
    """A Word document: a heading, a paragraph, a table, a paragraph."""
    document = docx.Document()
    document.add_heading("Whales")
    document.add_paragraph("The blue whale is large. 蓝鲸很大。")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text = "length"
    table.cell(0, 1).text = "30 m"
    document.add_paragraph("The end.")
    document.save(str(path))
    return path.read_bytes()


def slides(path: Path) -> bytes:
    """Three slides with notes."""
    presentation = pptx.Presentation()
    for number in (1, 2, 3):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number}"
        slide.placeholders[1].text = "first point\nsecond point"
        slide.notes_slide.notes_text_frame.text = f"say this on {number}"
    presentation.save(str(path))
    return path.read_bytes()


def swollen(archive: bytes, member: str, after: bytes, more: bytes) -> bytes:
    """The archive with ``more`` put into one of its members."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            data = source.read(name)
            if name == member:
                data = data.replace(after, after + more)
            target.writestr(name, data)
    return written.getvalue()


def old_word(text: str, *, encrypted: bool = False) -> bytes:
    """A Word 97 file in a compound file, its text in two pieces: one byte and two a character."""
    half = len(text) // 2
    first, second = text[:half], text[half:]
    document = bytearray(8192)
    struct.pack_into("<H", document, 0, 0xA5EC)
    struct.pack_into("<H", document, 0x0A, 0x0200 | (0x0100 if encrypted else 0))
    struct.pack_into("<I", document, 0x4C, len(text))
    document[2048 : 2048 + len(first)] = first.encode("cp1252")
    document[4096 : 4096 + 2 * len(second)] = second.encode("utf-16-le")
    pieces = struct.pack("<3I", 0, half, len(text))
    pieces += struct.pack("<HIH", 0, 2048 * 2 | 0x40000000, 0) + struct.pack("<HIH", 0, 4096, 0)
    table = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    struct.pack_into("<2I", document, 0x1A2, 0, len(table))
    return _compound({"WordDocument": bytes(document), "1Table": table.ljust(4096, b"\0")})


def _compound(streams: dict[str, bytes]) -> bytes:
    """A compound file [MS-CFB]: table of sectors, directory, then these streams."""
    end, of_table, free = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
    chain = [of_table, end]
    entries = [_entry("Root Entry", 5, end, 0)]
    body = b""
    for name, data in streams.items():
        entries.append(_entry(name, 2, len(chain), len(data)))
        count = len(data) // 512
        chain += [*range(len(chain) + 1, len(chain) + count), end]
        body += data
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<5H", head, 0x18, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<2I", head, 0x2C, 1, 1)
    struct.pack_into("<5I", head, 0x38, 4096, end, 0, end, 0)
    struct.pack_into("<109I", head, 0x4C, 0, *[free] * 108)
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))
    return bytes(head) + table + b"".join(entries).ljust(512, b"\0") + body


def _entry(name: str, kind: int, first: int, length: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    entry = encoded.ljust(64, b"\0") + struct.pack(
        "<HBB3I", len(encoded), kind, 1, *[0xFFFFFFFF] * 3
    )
    return entry.ljust(0x74, b"\0") + struct.pack("<2I", first, length).ljust(12, b"\0")

"""PDF files, page by page."""

import re
from pathlib import Path
from typing import Final

import pypdfium2

from assistants.retrieval.chunking import Page
from assistants.retrieval.parsing import MAX_TOKENS
from assistants.retrieval.unreadable import Unreadable

HEAD = 1024
"""Bytes at the beginning in which a PDF says that it is one."""
MAX_CHARACTERS = MAX_TOKENS * 5
"""A text beyond these has too many tokens; the pages after are not read."""


def read(path: str) -> list[Page]:
    """The pages that have text."""
    with Path(path).open("rb") as file:
        if b"%PDF-" not in file.read(HEAD):
            raise Unreadable("invalid_file", "The file is not a PDF file, as its name says.")
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            message = (
                "The PDF file is protected by a password. Save it without one, and add it again."
            )
        else:
            message = "The PDF file is damaged."
        raise Unreadable("invalid_file", message) from error
    pages = []
    characters = 0
    for number in range(1, len(document) + 1):
        try:
            text = _text(document[number - 1])
        except pypdfium2.PdfiumError:
            continue  # one damaged page does not spoil the others
        pages.append(Page(text, number))
        characters += len(text)
        if characters > MAX_CHARACTERS:
            break
    if pages and not any(page.text.strip() for page in pages):
        raise Unreadable(
            "invalid_file",
            "The PDF file has no text, only images: scanned pages need text recognition first.",
        )
    return pages


HYPHENATED: Final = re.compile(r"[\ufffe\x02](?:\r?\n)?|(?<=\w)[\u2010\u00ad]\r?\n(?=\w)")
"""A word that goes on in the next line. pdfium has a mark of its own for a hyphen there, another in
each of its ways to give the text, and knows not every hyphen.
"""


def _text(page: pypdfium2.PdfPage) -> str:
    textpage = page.get_textpage()
    try:
        return HYPHENATED.sub("", str(textpage.get_text_bounded()))
    finally:
        textpage.close()
        page.close()

"""A file's pages as text, by the extension of its name."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from assistants.retrieval.chunking import Page
from assistants.retrieval.unreadable import Unreadable
from assistants.tokens import estimate

CODE_EXTENSIONS = frozenset(
    [
        ".c",
        ".cpp",
        ".cs",
        ".css",
        ".go",
        ".java",
        ".js",
        ".json",
        ".php",
        ".py",
        ".rb",
        ".sh",
        ".ts",
    ]
)
PROSE_EXTENSIONS = frozenset([".doc", ".docx", ".html", ".md", ".pdf", ".pptx", ".tex", ".txt"])
EXTENSIONS = CODE_EXTENSIONS | PROSE_EXTENSIONS
"""What file search takes: https://platform.openai.com/docs/assistants/tools/file-search."""

MAX_TOKENS = 5_000_000
"""Of one file in a vector store, as the API has it."""


def suffix_of(filename: str) -> str:
    """The extension in lower case. A file that is called ".txt" and nothing else has one too."""
    return PurePath(f"_{PurePath(filename).name}").suffix.lower()


def extension(filename: str) -> str:
    """The extension in lower case, of a type that file search takes.

    Raises ``Unreadable`` with the words of the API for any other.
    """
    suffix = suffix_of(filename)
    if suffix not in EXTENSIONS:
        raise Unreadable(
            "unsupported_file",
            f"Files with extensions [{suffix or 'none'}] are not supported for retrieval. "
            "Documents, web pages, Markdown, text and the source of common languages are; save it "
            "as one of those, for example as .txt or .pdf.",
        )
    return suffix


def parse(path: str, filename: str) -> list[Page]:
    """The file's pages, of which one at least has text. Raises ``Unreadable``."""
    suffix = extension(filename)
    if Path(path).stat().st_size == 0:
        raise Unreadable("invalid_file", "The file is empty.")
    pages = [
        Page(cleaned, page.number)
        for page in _parser(suffix)(path)
        if (cleaned := _clean(page.text)).strip()
    ]
    if not pages:
        raise Unreadable("invalid_file", "The file has no text in it.")
    if sum(estimate(page.text) for page in pages) > MAX_TOKENS:
        raise Unreadable("invalid_file", f"The file has more than {MAX_TOKENS:,} tokens.")
    return pages


def _parser(suffix: str) -> Callable[[str], Sequence[Page]]:
    """What reads such a file, imported when it is needed: it keeps the start of a child short."""
    match suffix:
        case ".html":
            from assistants.retrieval import html

            return html.read
        case ".pdf":
            from assistants.retrieval import pdf

            return pdf.read
        case ".docx" | ".pptx":
            from assistants.retrieval import office

            return office.read_docx if suffix == ".docx" else office.read_pptx
        case ".doc":
            from assistants.retrieval import word

            return word.read
        case _:
            from assistants.retrieval import plain

            return plain.read_json if suffix == ".json" else plain.read


def _clean(text: str) -> str:
    """With plain line ends, and without what a database cannot store."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text

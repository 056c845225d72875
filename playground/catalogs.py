"""The translations in ``locale/``: compiling them, and finding what is to be translated.

Babel does both, so that neither needs GNU gettext on the machine. Templates are first turned into
Python by Django, as its own ``makemessages`` does.
"""

import hashlib
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PO: Final = "LC_MESSAGES/django.po"
KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    # The texts of the service's refusals: assistants/refusals.py.
    "Rule": (2,),
}
"""What calls of these functions name is to be translated; the numbers say which arguments."""
PYTHON: Final = ("playground/**/*.py", "assistants/refusals.py")
TEMPLATES: Final = ("templates/**/*.html",)

Found = tuple[str, int, Any, list[str], str | None]


def compile_all(source: Path, into: Path) -> None:
    """Compile each ``LANGUAGE/LC_MESSAGES/django.po`` below ``source`` for gettext, if it is not
    what was compiled last: times tell nothing where files were unpacked or checked out.

    Several processes may do so at once: each file comes to its place complete.
    """
    for po in source.glob(f"*/{PO}"):
        mo = (into / po.relative_to(source)).with_suffix(".mo")
        made_of = mo.with_suffix(".sha256")
        digest = hashlib.sha256(po.read_bytes()).hexdigest()
        if mo.is_file() and made_of.is_file() and made_of.read_text() == digest:
            continue
        mo.parent.mkdir(parents=True, exist_ok=True)
        compiled = BytesIO()
        write_mo(compiled, read(po))
        _write(mo, compiled.getvalue())
        _write(made_of, digest.encode())


def _write(path: Path, content: bytes) -> None:
    written = path.with_name(f".{path.name}.{os.getpid()}")
    written.write_bytes(content)
    written.replace(path)


def read(po: Path) -> Catalog:
    """What a catalog holds."""
    with po.open("rb") as file:
        return read_po(file, locale=po.parent.parent.name)


def extracted(root: Path) -> Catalog:
    """All that is marked to be translated below ``root``, without translations."""
    catalog = Catalog(fuzzy=False)
    for name, _line, message, comments, context in _marked(root):
        catalog.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def update(po: Path, found: Catalog) -> None:
    """Bring a catalog up to date: what is new stands in it without a translation, what nobody says
    any more is gone.
    """
    catalog = read(po)
    begun = catalog.creation_date
    catalog.update(found, no_fuzzy_matching=True)
    catalog.creation_date = begun  # the same texts give the same file
    with po.open("wb") as file:
        write_po(file, catalog, width=100, include_lineno=False, ignore_obsolete=True)


def _marked(root: Path) -> Iterator[Found]:
    for path in _files(root, PYTHON):
        with path.open("rb") as file:
            yield from _messages(path.relative_to(root), file.read())
    for path in _files(root, TEMPLATES):
        code = templatize(path.read_text(), origin=str(path))
        # What stands around the marks is X and blanks, which must not look like indented code.
        lines = [line.strip() for line in code.splitlines()]
        yield from _messages(path.relative_to(root), "\n".join(lines).encode())


def _files(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted(path for pattern in patterns for path in root.glob(pattern))


def _messages(path: Path, code: bytes) -> Iterator[Found]:
    for line, message, comments, context in extract(
        "python", BytesIO(code), KEYWORDS, comment_tags=("Translators:",)
    ):
        yield path.as_posix(), line, message, comments, context

"""Names of files that are written elsewhere: by whatever name, they are no path."""

import re
from pathlib import PurePath
from typing import Final

from django.utils.text import slugify

MAX_LENGTH: Final = 80
_UNSAFE: Final = re.compile(r"[^\w.\- ]+")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
"""What Windows takes for devices."""


def of_download(title: str, thread_id: str, ending: str) -> str:
    """What a thread's export is called."""
    return f"{slugify(title)[:MAX_LENGTH].strip('-') or thread_id}.{ending}"


def safe(filename: str) -> str:
    """The name with what every file system takes: letters, digits, dots, and a few more signs."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE.sub("_", name).strip(". ")
    suffix = PurePath(name).suffix[:16]
    name = name[: len(name) - len(suffix)][: MAX_LENGTH - len(suffix)].strip(". ") + suffix
    return f"_{name}" if not name or _RESERVED.match(name) or name.startswith("-") else name


class Places:
    """Where files lie beside a text: each in the folder, no two under one name."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def add(self, file_id: str, filename: str) -> None:
        """Give the file a place, if it has none."""
        if file_id in self._names:
            return
        name = first = safe(filename)
        number = 1
        # As file systems see it that do not tell large letters from small ones.
        while name.casefold() in self._taken:
            number += 1
            stem, suffix = PurePath(first).stem, PurePath(first).suffix
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.casefold())
        self._names[file_id] = f"{self._folder}/{name}"

    def get(self, file_id: str) -> str | None:
        return self._names.get(file_id)

    def items(self) -> list[tuple[str, str]]:
        """The ids of the files and their places."""
        return list(self._names.items())

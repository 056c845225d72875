"""Links in a model's text that point at files, and the markers of passages, as the annotations that
resolve them.
"""

import re
from urllib.parse import unquote

from assistants.engine.markers import Source, defused
from assistants.engine.sentences import claim, quote
from assistants.errors import Wire

SANDBOX_LINK = re.compile(r"sandbox:(/mnt/data/[^\s)\]>\"'`]+)")


def file_paths(text: str, saved: dict[str, str]) -> list[Wire]:
    """The ``file_path`` annotations of a text: one for each link to a file that the code
    interpreter has saved.

    :param saved: ids of files by their paths in the sandbox
    :returns: annotations in order; start and end count code points, end excluded
    """
    found: list[Wire] = []
    for match in SANDBOX_LINK.finditer(text):
        link, path = match.group(0).rstrip(".,;:!?"), match.group(1).rstrip(".,;:!?")
        file_id = saved.get(path) or saved.get(unquote(path))
        if file_id is not None:
            found.append(
                {
                    "type": "file_path",
                    "text": link,
                    "start_index": match.start(),
                    "end_index": match.start() + len(link),
                    "file_path": {"file_id": file_id},
                }
            )
    return found


def file_citation(source: Source, said: str) -> Wire:
    """The ``file_citation`` annotation of a marker that comes after what was said.

    Beside ``file_id`` and ``quote``, which the API knows, it has an extension of ours: ``page``,
    the page or slide from 1, and ``start`` and ``end``, where the quote stands in the text that was
    read from the file, in code points, half open. Each is null where it is not known.
    """
    marker, start = source.marker, len(said)
    claimed = claim(said)
    quoted = quote(defused(source.text), claimed)
    words = quoted.removesuffix("…")
    at = source.text.find(words)
    if at < 0:  # there is a marker in the file itself, within these words
        words = quote(source.text, claimed).removesuffix("…")
        at = source.text.find(words)
    begin = None if source.start is None or at < 0 else source.start + at
    return {
        "type": "file_citation",
        "text": marker,
        "start_index": start,
        "end_index": start + len(marker),
        "file_citation": {
            "file_id": source.file_id,
            "quote": quoted,
            "page": source.page,
            "start": begin,
            "end": None if begin is None else begin + len(words),
        },
    }

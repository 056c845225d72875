"""Links in a model's text that point at files, as the annotations that resolve them."""

import re
from urllib.parse import unquote

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

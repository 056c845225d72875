"""What code printed, as text for a page: without terminal codes, folded when it is long."""

import re
from dataclasses import dataclass
from typing import Final

SHOWN_LINES: Final = 12
"""Of a longer output the last lines are shown: results and errors stand at the end."""
MAX_CHARS: Final = 400_000
"""More than this is not put into a page; the JSON of the step has it all."""

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    r"|\x1b\].*?(?:\x07|\x1b\\|$)"  # window titles, links
    r"|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


@dataclass(frozen=True, slots=True)
class Logs:
    """Plain text, still to be escaped: the lines that are folded away, and those always shown."""

    folded: str
    shown: str
    lines: int


def fold(text: str) -> Logs:
    """The output, ready to be shown."""
    lines = plain(text[-MAX_CHARS:]).rstrip("\n").split("\n")
    # Folding a few lines away would save less room than the button takes.
    if len(lines) <= SHOWN_LINES + 4:
        return Logs("", "\n".join(lines), len(lines))
    return Logs("\n".join(lines[:-SHOWN_LINES]), "\n".join(lines[-SHOWN_LINES:]), len(lines))


def plain(text: str) -> str:
    """Without terminal codes; of a line that was written over, as progress bars do, the last
    state.
    """
    text = _TERMINAL.sub("", text.replace("\r\n", "\n"))
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))

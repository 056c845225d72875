"""Text that can be stored and sent on, in UTF-8 and in every database; and the markers in it."""

import re
from typing import Final

MARKER: Final = re.compile(r"【\d+(?::\d+)?†[^【】\n]{0,300}】")
"""A citation as it stands in the text of an answer: ``【4:0†guide.pdf】``."""


def without_markers(text: str) -> str:
    """A text that is quoted, without the citations that stand in it."""
    return MARKER.sub("", text)


_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_ESCAPE: Final = re.compile(
    r"(?P<null>\\u0000)"
    r"|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}"
    # The other half may still be on its way.
    r"|(?P<half>\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f]|(?:\\(?:ud?)?)?\Z)|\\ud[c-f][0-9a-f]{2})"
    r"|\\.",
    re.IGNORECASE | re.DOTALL,
)


def storable(text: str) -> str:
    """The text without null characters, and with U+FFFD in the place of each half of a character
    (a lone surrogate).
    """
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def storable_json(written: str) -> str:
    """The same for the texts in a piece of JSON, where such characters may be written as escapes.

    :param written: the JSON, or its beginning: more of it does not change what came of that
    """
    return storable(_ESCAPE.sub(_mended, written) if "\\u" in written else written)


def _mended(escape: re.Match[str]) -> str:
    if escape["null"]:
        return ""
    return "\\ufffd" if escape["half"] else escape[0]

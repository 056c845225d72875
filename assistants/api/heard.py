"""How much of each message a reader of a stream has heard in pieces, so that nothing of it is
missing when the whole comes out of the database.
"""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

from assistants.errors import Wire


@dataclass(slots=True)
class _Part:
    """What was heard of a part: how many characters and annotations, and a sum over the text, which
    tells whether it is the beginning of the whole.
    """

    said: int = 0
    annotations: int = 0
    sum: int = 0


class Heard:
    """Of the messages of one run."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, _Part]] = {}
        """By message and index of its part."""

    def take(self, delta: Wire) -> None:
        """A ``thread.message.delta`` that goes out."""
        parts = self._parts.setdefault(delta["id"], {})
        for part in delta["delta"]["content"]:
            text = part.get("text", {})
            heard = parts.setdefault(part["index"], _Part())
            value = text.get("value", "")
            heard.said += len(value)
            heard.sum = crc32(value.encode(), heard.sum)
            heard.annotations += len(text.get("annotations", ()))

    def rest(self, message: Wire) -> Wire | None:
        """What is missing of a whole message, as a delta; None when all of it was heard.

        A message of which nothing was heard has a delta even if it is empty: an SDK takes the piece
        that it heard last, of whichever message, for one of the message that ends.
        """
        heard = self._parts.get(message["id"])
        pieces = [
            piece
            for index, part in enumerate(message["content"])
            if (piece := _missing(part, index, (heard or {}).get(index)))
        ]
        if heard is not None and not pieces:
            return None
        content = {"content": pieces}
        return {"id": message["id"], "object": "thread.message.delta", "delta": content}


def _missing(part: Wire, index: int, heard: _Part | None) -> Wire | None:
    """The piece of a part that was not heard. Where something before its end was lost there is
    none: nothing that is added makes a whole of the rest.
    """
    if part["type"] != "text":
        return None if heard else {"index": index, **part}
    known = heard or _Part()
    value, annotations = part["text"]["value"], part["text"]["annotations"]
    if crc32(value[: known.said].encode()) != known.sum:
        return None
    text: dict[str, Any] = {}
    if heard is None or len(value) > known.said:
        text["value"] = value[known.said :]
    if heard is None or len(annotations) > known.annotations:
        text["annotations"] = [
            {"index": place, **annotation}
            for place, annotation in enumerate(annotations)
            if place >= known.annotations
        ]
    return {"index": index, "type": "text", "text": text} if text else None

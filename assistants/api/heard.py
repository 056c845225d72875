"""How much of each message a reader of a stream has heard in pieces, so that nothing of it is
missing when the whole comes out of the database.
"""

from typing import Any

from assistants.errors import Wire


class Heard:
    """Of the messages of one run."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, tuple[int, int]]] = {}
        """By message and index of its part: so many characters and annotations of it."""

    def take(self, delta: Wire) -> None:
        """A ``thread.message.delta`` that goes out."""
        parts = self._parts.setdefault(delta["id"], {})
        for part in delta["delta"]["content"]:
            text = part.get("text", {})
            said, noted = parts.get(part["index"], (0, 0))
            said += len(text.get("value", ""))
            parts[part["index"]] = said, noted + len(text.get("annotations", ()))

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


def _missing(part: Wire, index: int, heard: tuple[int, int] | None) -> Wire | None:
    """The piece of a part that was not heard."""
    if part["type"] != "text":
        return None if heard else {"index": index, **part}
    said, noted = heard or (0, 0)
    text: dict[str, Any] = {}
    annotations = part["text"]["annotations"]
    if not heard or len(part["text"]["value"]) > said:
        text["value"] = part["text"]["value"][said:]
    if not heard or len(annotations) > noted:
        text["annotations"] = [
            {"index": place, **annotation}
            for place, annotation in enumerate(annotations)
            if place >= noted
        ]
    return {"index": index, "type": "text", "text": text} if text else None

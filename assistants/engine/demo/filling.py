"""Fills a JSON schema from a sentence: a function's arguments, or an answer in a given form."""

import re
from typing import Any

from assistants.engine.demo.words import heard

Json = dict[str, Any]

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])|(?<=[\u3400-\u9fff])\d+(?:\.\d+)?")
QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`|「([^」]+)」|“([^”]+)”")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
LINK = re.compile(r"https?://[^\s<>\"']+")
DATE = heard(
    r"\b\d{4}-\d\d-\d\d\b"
    r"|\b(?:today|tomorrow|yesterday|tonight"
    r"|(?:next |this )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday))\b"
    r"|今天|明天|昨天|後天"
)
CAPITALISED = r"[A-Z][\w'’.-]*(?:,? [A-Z][\w'’.-]*)*"
PLACE = re.compile(rf"\b(?:in|for|at|near|of|to|from)\s+(?:the\s+)?({CAPITALISED})")
CHINESE_PLACE = re.compile(
    r"(?:在|查|查詢|請問|告訴我)?([\u3400-\u9fff]{2,4}?)(?:市|縣|的|今天|明天|現在)"
)
NAME = heard(CAPITALISED)
NOT_NAMES = {
    "What",
    "How",
    "Is",
    "The",
    "Please",
    "Can",
    "Could",
    "Tell",
    "Get",
    "Show",
    "I",
    "Add",
}

PLACES = {"location", "city", "place", "country", "address", "region", "town", "destination"}
DATES = {"date", "day", "time", "when", "datetime"}
WHOLE_TEXT = {"text", "query", "question", "prompt", "message", "body", "content", "input", "q"}

DEEPEST = 6


def fill(schema: Json, text: str, *, rest: str | None = None) -> Json:
    """An object that follows the schema; values are taken from the text where it has them.

    Optional properties that the text says nothing about are left out, unless `rest` is given: then
    every property gets a value, and strings without one say `rest`.
    """
    return _Filling(text, rest).object(schema, 0)


class _Filling:
    """Uses up the text's numbers, quotations and names as properties ask for them."""

    def __init__(self, text: str, rest: str | None) -> None:
        self._text = text
        self._rest = rest
        self._quoted: list[str] = [
            next(filter(None, found.groups())) for found in QUOTED.finditer(text)
        ]
        self._numbers = NUMBER.findall(QUOTED.sub(" ", text))
        self._names = [name for name in NAME.findall(text) if name not in NOT_NAMES]

    def object(self, schema: Json, depth: int) -> Json:
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, dict) or depth > DEEPEST:
            return {}
        filled = {}
        for name, wanted in properties.items():
            value = self._value(str(name), wanted if isinstance(wanted, dict) else {}, depth)
            must = self._rest is not None or (isinstance(required, list) and name in required)
            if value is None and must:
                value = self._fallback(wanted if isinstance(wanted, dict) else {}, depth)
            if value is not None or must:
                filled[str(name)] = value
        return filled

    def _value(self, name: str, schema: Json, depth: int) -> Any:
        """A value that the text gives for this property, or None."""
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            return self._choice(choices)
        match kind_of(schema):
            case "object":
                return self.object(schema, depth + 1) or None
            case "array":
                return self._list(name, schema, depth)
            case "integer":
                number = self._number(name)
                return None if number is None else int(float(number))
            case "number":
                number = self._number(name)
                return None if number is None else _plain(float(number))
            case "boolean":
                return self._flag(name)
            case "string":
                return self._string(name, schema)
        return None

    def _fallback(self, schema: Json, depth: int) -> Any:
        """A value for a property that must be there although the text says nothing."""
        if "default" in schema:
            return schema["default"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            return choices[0]
        kind = kind_of(schema)
        if kind in {"integer", "number"}:
            return schema.get("minimum", 1)
        if kind == "object":
            return self.object(schema, depth + 1)
        if kind == "string":
            return self._text if self._rest is None else self._rest
        return {"boolean": False, "array": []}.get(kind)

    def _choice(self, choices: list[Any]) -> Any:
        lowered = self._text.lower()
        for choice in sorted(choices, key=lambda choice: -len(str(choice))):
            spoken = str(choice).lower().replace("_", " ")
            if re.search(rf"(?<![a-z]){re.escape(spoken)}(?![a-z])", lowered):
                return choice
        return None

    def _number(self, name: str) -> str | None:
        spoken = re.escape(name.replace("_", " "))
        beside = re.search(rf"\b{spoken}\b\W{{0,3}}(?:is|of|=|:)?\s*(-?\d+(?:\.\d+)?)", self._text)
        if beside and beside[1] in self._numbers:
            self._numbers.remove(beside[1])
            return beside[1]
        return self._numbers.pop(0) if self._numbers else None

    def _flag(self, name: str) -> bool | None:
        spoken = re.escape(name.replace("_", " "))
        if re.search(rf"\b(?:no|not|without|don't)\s+(?:\w+\s+)?{spoken}", self._text):
            return False
        return True if re.search(rf"\b{spoken}\b", self._text, re.IGNORECASE) else None

    def _list(self, name: str, schema: Json, depth: int) -> list[Any] | None:
        items = schema.get("items")
        items = items if isinstance(items, dict) else {}
        kind = kind_of(items)
        if kind in {"number", "integer"}:
            numbers, self._numbers = self._numbers, []
            whole = kind == "integer"
            return [int(float(text)) if whole else _plain(float(text)) for text in numbers] or None
        if kind == "string":
            choices = items.get("enum")
            if isinstance(choices, list):
                return [choice for choice in choices if str(choice).lower() in self._text.lower()]
            several, self._quoted = self._quoted or self._names, []
            return several or None
        one = self._value(name, items, depth + 1) if depth < DEEPEST else None
        return None if one is None else [one]

    def _string(self, name: str, schema: Json) -> str | None:
        words = set(re.split(r"[_\W]+|(?<=[a-z])(?=[A-Z])", name)) | {str(schema.get("format"))}
        words = {word.lower() for word in words}
        for kinds, pattern in (
            ({"email", "recipient"}, EMAIL),
            ({"url", "uri", "link"}, LINK),
            (DATES, DATE),
        ):
            if words & kinds:
                found = pattern.search(self._text)
                return str(found[0]) if found else None
        if words & PLACES:
            place = PLACE.search(self._text) or CHINESE_PLACE.search(self._text)
            if place:
                return place[1].strip(" .,'-")
        if self._quoted:
            return self._quoted.pop(0)
        spoken = re.escape(name.replace("_", " "))
        if said := re.search(
            rf"\b{spoken}\b\s*(?:is|=|:)\s*([^,.;\n]+)", self._text, re.IGNORECASE
        ):
            return said[1].strip()
        if words & WHOLE_TEXT:
            return self._text if self._rest is None else None
        return self._names.pop(0).strip(" .,'-") if self._names else None


def kind_of(schema: Json) -> str:
    """The type that a schema asks for; the first that is not null where it allows several."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if isinstance(kind, str):
        return kind
    several = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(several, list) and several and isinstance(several[0], dict):
        first = several[0].get("type")
        return first if isinstance(first, str) else "string"
    return "object" if "properties" in schema else "string"


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number

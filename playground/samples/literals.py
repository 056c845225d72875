"""Values as a person writes them in Python, JavaScript and JSON: on one line where they fit, else
one entry a line, long text in pieces.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 92
IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


@dataclass(frozen=True)
class Style:
    """How a language writes values.

    ``constants`` are its words for None, True and False, ``padding`` stands inside of braces.
    ``before``, ``between`` and ``after`` put together a text of several pieces; without ``between``
    a text stays in one piece.
    """

    step: int
    constants: Mapping[bool | None, str]
    plain_keys: bool = False
    padding: str = ""
    last_comma: str = ","
    before: str = ""
    between: str = ""
    after: str = ""


_JSON_CONSTANTS: Final = {None: "null", True: "true", False: "false"}
JSON: Final = Style(2, _JSON_CONSTANTS, last_comma="")
JAVASCRIPT: Final = Style(2, _JSON_CONSTANTS, plain_keys=True, padding=" ", between=" +")
PYTHON: Final = Style(
    4, {None: "None", True: "True", False: "False"}, before="(", between=" ", after=")"
)


def write(value: Any, style: Style, indent: int = 0, used: int = 0) -> str:
    """The value's text.

    :param value: anything that JSON has
    :param indent: of the line that the value begins on
    :param used: columns of that line that are taken by what stands before and after the value
    """
    flat = _flat(value, style)
    if indent + used + len(flat) <= WIDTH:
        return flat
    inner = indent + style.step
    match value:
        case {}:
            entries = []
            for name, part in value.items():
                key = f"{_key(name, style)}: "
                entries.append(key + write(part, style, inner, len(key) + 1))
            return _broken("{", entries, "}", style, indent)
        case str():
            return _text(value, style, indent)
        case [*parts] if parts:
            entries = [write(part, style, inner, 1) for part in parts]
            return _broken("[", entries, "]", style, indent)
    return flat


def _flat(value: Any, style: Style) -> str:
    match value:
        case {}:
            entries = [f"{_key(name, style)}: {_flat(part, style)}" for name, part in value.items()]
            padding = style.padding if entries else ""
            return f"{{{padding}{', '.join(entries)}{padding}}}"
        case [*parts]:
            return f"[{', '.join(_flat(part, style) for part in parts)}]"
        case None | True | False:
            return style.constants[value]
    # The escapes of JSON mean the same in Python and in JavaScript.
    return json.dumps(value, ensure_ascii=False)


def _key(name: str, style: Style) -> str:
    if style.plain_keys and name == "__proto__":
        # Any other way it would set the prototype.
        return '["__proto__"]'
    return name if style.plain_keys and IDENTIFIER.fullmatch(name) else _flat(name, style)


def _broken(start: str, entries: Sequence[str], end: str, style: Style, indent: int) -> str:
    margin = "\n" + " " * (indent + style.step)
    inside = f",{margin}".join(entries)
    return f"{start}{margin}{inside}{style.last_comma}\n{' ' * indent}{end}"


def _text(value: str, style: Style, indent: int) -> str:
    room = max(WIDTH - indent - style.step - 8, 40)
    pieces = [_flat(piece, style) for piece in _pieces(value, room)]
    if not style.between or len(pieces) == 1:
        return _flat(value, style)
    margin = "\n" + " " * (indent + style.step)
    joined = f"{style.between.rstrip()}{margin}".join(pieces)
    if not style.before:
        return joined
    return f"{style.before}{margin}{joined}\n{' ' * indent}{style.after}"


def _pieces(text: str, room: int) -> list[str]:
    """The text cut behind line ends, and between words where a line is longer than ``room``."""
    found: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        found.append("")
        for word in re.findall(r"\S+\s*|\s+", line):
            if found[-1] and len(found[-1]) + len(word) > room:
                found.append("")
            found[-1] += word
    return found

"""What others wrote, as Markdown that can be put among our own and opened anywhere.

A model's text is Markdown already. In it markers of citations become references, paths of the
sandbox become links to files beside the text; HTML is text, as it is on our pages, and images that
lie elsewhere are links: whoever opens the document loads nothing from anybody. A link leads
to a page, an e-mail address or a file beside the text, and nowhere else.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from typing_extensions import override

from playground.rendering.annotations import PLACES, SPACE, Annotations, restore, unmarked

HEADING_SHIFT: Final = 2
"""A message's text stands below its own heading, of the second level."""

_parser: Final = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class _Reader(MarkdownIt):
    """Takes every address for a link, as the program may that opens the document."""

    @override
    def validateLink(self, url: str) -> bool:
        return True


_reader: Final = _Reader("commonmark", {"html": True}).enable(["table", "strikethrough"])
_SYNTAX: Final = re.compile(
    r"(?P<escape>\\[^\n])"
    r"|(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<autolink><(?:https?://|mailto:)[^<>\s]*>)"
    r"|(?P<tag><)"
    r"|(?P<image>!+(?=\[))"
    r"|(?P<note>\[(?=\^))"
    r"|\]\((?P<target>sandbox:(?:[^()\n]|\([^()\n]*\))*)\)"
    r"|(?P<address>\](?=\((?!<?(?:https?://|mailto:))|:))"
    rf"|{PLACES.pattern}",
    re.DOTALL,
)
_LINK: Final = re.compile(r"!\[[^\[\]\n]*\]\((sandbox:(?:[^()\n]|\([^()\n]*\))*)\)")
_ADDRESS: Final = re.compile(r"https?://|mailto:|files/|attachment:", re.IGNORECASE)
_HEADING: Final = re.compile(r"( {0,3})(#{1,6})(?=[ \t]|$)")
_SIGNS: Final = re.compile(r"([\\`*_{}\[\]<>()#!|~$^&])")

Place = Callable[[str], str | None]
"""Where a file lies beside the text, by its id; None for one that does not."""


def markdown(text: str, annotations: Annotations, refer: Callable[[int], str], place: Place) -> str:
    """A message's text, ready to stand in a document.

    :param refer: what is written for the citation with this number
    """
    prepared = annotations.prepare(text)
    for careful in (False, True):
        said = _said(prepared, annotations, refer, place, careful=careful)
        if careful or not _brings_along(said):
            break
    return said


def escaped(text: str) -> str:
    """A name or a title: one line, in which nothing is Markdown."""
    return _SIGNS.sub(r"\\\1", " ".join(unmarked(restore(text)).split()))


def fenced(text: str, language: str = "") -> str:
    """Code or what it printed, which cannot end its block."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _said(
    prepared: str,
    annotations: Annotations,
    refer: Callable[[int], str],
    place: Place,
    *,
    careful: bool,
) -> str:
    """
    :param careful: signs of HTML are escaped within code too: what is code was not sure
    """
    lines = prepared.split("\n")
    tokens = _parser.parse(prepared)
    code, headings = _code_lines(tokens), _heading_lines(tokens)
    written = _Written(annotations, refer, place, careful=careful)
    pieces: list[str] = []
    prose: list[str] = []

    def end_prose() -> None:
        if prose:
            pieces.append(written.out("\n".join(prose)))
            prose.clear()

    for number, line in enumerate(lines):
        if number in code:
            end_prose()
            pieces.append(restore(line))
        else:
            prose.append(_HEADING.sub(_lowered, line, count=1) if number in headings else line)
    end_prose()
    said = "\n".join(pieces)
    return said + _missing_fence(tokens, lines)


class _Written:
    """The prose of one text, as it is written into a document."""

    def __init__(
        self,
        annotations: Annotations,
        refer: Callable[[int], str],
        place: Place,
        *,
        careful: bool,
    ) -> None:
        self._annotations = annotations
        self._refer = refer
        self._place = place
        self._careful = careful

    def out(self, prose: str) -> str:
        return _SYNTAX.sub(self._one, prose).replace(SPACE, " ")

    def _one(self, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "code" | "ticks":
                return self._code(found[0])
            case "tag":
                return "&lt;" if self._careful else "\\<"
            case "image":
                # One of our own that lies beside the text.
                link = _LINK.match(found.string, found.end() - 1)
                return "!" if link and self._at(link[1]) else ""
            case "note":
                return "\\["
            case "target":
                at = self._at(found["target"])
                return f"]({quote(at)})" if at else "]"
            case "address":
                return "]\\" if self._careful else found[0]
            case "citation":
                return self._refer(int(found["citation"]))
            case "path":
                path = found["path"].rstrip(".,;:!?")
                name = escaped(PurePosixPath(unquote(path)).name)
                at = self._at(path)
                return (f"[{name}]({quote(at)})" if at else name) + found["path"][len(path) :]
        return found[0]

    def _code(self, code: str) -> str:
        code = restore(code)
        if not self._careful:
            return code
        without_links = re.sub(r"\](?=[(:])", "] ", code.replace("<", "&lt;"))
        return re.sub(r"!+(?=\[)", "", without_links)

    def _at(self, path: str) -> str | None:
        file_id = self._annotations.file_at(path)
        return self._place(file_id) if file_id else None


def _code_lines(tokens: Iterable[Token]) -> set[int]:
    return {
        line
        for token in tokens
        if token.type in ("fence", "code_block") and token.map
        for line in range(*token.map)
    }


def _heading_lines(tokens: Iterable[Token]) -> set[int]:
    return {
        token.map[0]
        for token in tokens
        if token.type == "heading_open" and token.level == 0 and token.map
        if token.markup.startswith("#")
    }


def _lowered(heading: re.Match[str]) -> str:
    return heading[1] + "#" * min(len(heading[2]) + HEADING_SHIFT, 6)


def _missing_fence(tokens: list[Token], lines: list[str]) -> str:
    """The end of a code block that the text leaves open: all that follows would be code."""
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.map is None:
        return ""
    block = [line.strip() for line in lines[last.map[0] : last.map[1]] if line.strip()]
    closed = len(block) > 1 and not block[-1].strip(last.markup[0])
    return "" if closed and len(block[-1]) >= len(last.markup) else f"\n{last.markup}"


def _brings_along(said: str) -> bool:
    """Whether anything is left that loads or does something where it is opened."""
    env: dict[str, Any] = {}
    parsed = _reader.parse(said, env)
    flat = [inner for token in parsed for inner in (token, *(token.children or ()))]
    addresses = [str(token.attrs["href"]) for token in flat if "href" in token.attrs]
    # What one message calls an address, another may make a link of.
    addresses += [str(named["href"]) for named in env.get("references", {}).values()]
    return any(
        token.type in ("html_block", "html_inline") or _is_remote(token) for token in flat
    ) or not all(map(_ADDRESS.match, addresses))


def _is_remote(token: Token) -> bool:
    source = str(token.attrs.get("src", ""))
    return token.type == "image" and not re.match(r"(?:files/|attachment:)", source)

"""Markdown of a model as HTML that is safe to show.

Raw HTML is text, images are shown only from our own file storage, links lead out or to our files,
and the sanitiser has the last word.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from playground.rendering import files
from playground.rendering.annotations import (
    PLACES,
    SANDBOX,
    SPACE,
    Annotations,
    cited_in,
    restore,
    without_citations,
)
from playground.rendering.code import frame
from playground.rendering.math import math_plugin, mathml
from playground.rendering.previews import preview
from playground.rendering.sanitise import clean

MAX_NESTING: Final = 24
_HEADING_SHIFT: Final = 2
"""A message stands below the page's own headings (h1 the thread, h2 the message)."""


@dataclass
class Scope:
    """What rendering one text needs to know: the ids it may use, its annotations, what was cited so
    far.
    """

    anchor: str
    annotations: Annotations
    cited: set[int] = field(default_factory=set)


def render(
    text: str,
    annotations: Iterable[Mapping[str, Any]] = (),
    filenames: Mapping[str, str | None] | None = None,
    *,
    anchor: str = "text",
) -> SafeString:
    """The whole text as HTML, followed by its footnotes.

    :param annotations: annotation objects of the API
    :param filenames: names of the files that annotations mention, by id
    :param anchor: what the ids of the elements begin with; unique on the page
    """
    scope = Scope(anchor, Annotations(annotations, filenames))
    html = "".join(block for _, block in blocks(text, scope))
    return mark_safe(html + footnotes(scope, html))  # noqa: S308  (both parts come from the sanitiser)


def blocks(
    text: str,
    scope: Scope,
    first: int = 0,
    env: dict[str, Any] | None = None,
    *,
    offset: int = 0,
) -> Iterator[tuple[int, SafeString]]:
    """Each top-level block of the text: the line it begins at, and its HTML, one element whose id
    ends in its index.

    :param first: the index of the first block
    :param env: the parser's memory (link references), kept between calls for one text
    :param offset: where in the annotated text this piece of it begins
    """
    env = {} if env is None else env
    env["scope"] = scope
    tokens = _parser.parse(scope.annotations.prepare(text, offset), env)
    for index, block in enumerate(_top_level(tokens), first):
        block[0].attrSet("id", f"{scope.anchor}-{index}")
        html = _parser.renderer.render(block, _parser.options, env)
        yield (block[0].map or [0])[0], clean(html)


def footnotes(scope: Scope, shown: str) -> SafeString:
    """The list of sources, or nothing when nothing is cited.

    :param shown: the HTML of the text before it
    """
    notes = scope.annotations.notes
    if not notes:
        return SafeString("")
    rows = format_html_join(
        "",
        '<li id="fn-{0}-{1}"><span class="notes__num">{1}</span><span class="notes__src">'
        "{2}{3}{5}</span>{4}</li>",
        (
            (
                scope.anchor,
                note.number,
                _source(note.filename, note.address),
                _(", {page}").format(page=note.page_name) if note.page_name else "",
                _quote(preview(note.quote, note.filename)),
                _way_back(scope, note.number, shown),
            )
            for note in notes
        ),
    )
    return format_html(
        '<ol class="notes" id="notes-{}" aria-label="{}">{}</ol>', scope.anchor, _("Sources"), rows
    )


def _source(filename: str, address: str) -> SafeString:
    """The file's name, which leads to where it is cited from if the reader may follow it there."""
    return format_html('<a href="{}">{}</a>' if address else "{1}", address, filename)


def _way_back(scope: Scope, number: int, shown: str) -> SafeString:
    """Empty for what is cited in a block of code only, where no number stands."""
    if f'id="cite-{scope.anchor}-{number}"' not in shown:
        return SafeString("")
    return format_html(
        ' <span><a href="#cite-{}-{}">{}</a></span>', scope.anchor, number, _("Back to text")
    )


def _quote(quote: str) -> SafeString:
    if not quote:
        return SafeString("")
    return format_html('<span class="notes__quote">{}</span>', quote)


def _top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


# --- After parsing: citations and file paths in the text ------------------------------------------


def _resolve(state: StateCore) -> None:
    """Put citations, downloads and our headings in the place of what the parser found."""
    scope: Scope = state.env["scope"]
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _HEADING_SHIFT, 6)}"
        elif token.type in ("fence", "code_block"):
            token.content = restore(token.content)
            token.info = restore(token.info)
        elif token.type == "math_block":
            token.content = restore(token.content)
        elif token.type in ("th_open", "td_open") and (style := token.attrs.pop("style", None)):
            token.attrSet("data-align", str(style).removeprefix("text-align:"))
        elif token.type in ("bullet_list_open", "ordered_list_open", "blockquote_open"):
            # Its marks stand where its words begin.
            token.attrSet("dir", "auto")
        elif token.type == "inline":
            token.children = list(_resolve_inline(token.children or [], scope))


def _resolve_inline(tokens: Sequence[Token], scope: Scope) -> Iterator[Token]:
    in_link = leads_nowhere = False
    # What is cited within a link, code, a formula or an image stands after it: links hold none.
    after: dict[int, Token] = {}
    for place, token in enumerate(tokens):
        if token.type == "link_open":
            in_link = True
            after = _citations(str(token.attrs.get("href", "")), scope)
            token.attrs = _link_attributes(token, scope)
            leads_nowhere = not (token.attrs and _has_words(tokens[place + 1 :]))
        elif token.type == "link_close":
            in_link = False
        if token.type == "text":
            for part in _resolve_text(token, scope, in_link):
                if in_link and part.type == "citation":
                    after[int(part.content)] = part
                else:
                    yield part
            continue
        if token.type == "image":
            token.attrs["src"] = _image_address(str(token.attrs.get("src", "")), scope)
        if token.type in ("code_inline", "math_inline", "image"):
            after |= _citations(token.content, scope)
            token.content = restore(token.content)
        if token.type not in ("link_open", "link_close") or not leads_nowhere:
            yield token
        if not in_link:
            yield from after.values()
            after = {}


def _has_words(tokens: Sequence[Token]) -> bool:
    """Whether a link that begins before these has anything but citations."""
    within = takewhile(lambda token: token.type != "link_close", tokens)
    return any(token.type == "image" or restore(token.content).strip() for token in within)


def _citations(content: str, scope: Scope) -> dict[int, Token]:
    return {number: _citation(number, scope) for number in cited_in(content)}


def _citation(number: int, scope: Scope) -> Token:
    return Token("citation", "sup", 0, content=str(number), meta={"scope": scope})


def _resolve_text(token: Token, scope: Scope, in_link: bool) -> Iterator[Token]:
    end = 0
    for place in PLACES.finditer(token.content):
        yield _text(token.content[end : place.start()])
        end = place.end()
        if place["citation"]:
            yield _citation(int(place["citation"]), scope)
        else:
            path = place["path"].rstrip(".,;:!?")
            end -= len(place["path"]) - len(path)
            file_id = None if in_link else scope.annotations.file_at(path)
            yield Token(
                "file_path",
                "a",
                0,
                content=PurePosixPath(unquote(path)).name,
                meta={"file_id": file_id},
            )
    yield _text(token.content[end:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content.replace(SPACE, " "))


def _link_attributes(token: Token, scope: Scope) -> dict[str, str | int | float]:
    """Our own file as a download, another site in a new tab, and nothing for any other target:
    its words are no link then.
    """
    href = without_citations(str(token.attrs.get("href", "")))
    if href.startswith(SANDBOX):
        file_id = scope.annotations.file_at(href)
        address = files.download_address(file_id) if file_id else ""
        return {"href": address, "download": ""} if address else {}
    if files.is_address(href):
        return {"href": href, "download": ""}
    if href.startswith(("http://", "https://", "mailto:")):
        return {"href": href, "target": "_blank", "rel": "noopener noreferrer nofollow"}
    return {}


def _image_address(src: str, scope: Scope) -> str:
    """The address of one of our files, or empty: any other image would tell its host what was said
    here.
    """
    if src.startswith(SANDBOX):
        file_id = scope.annotations.file_at(src)
        return files.address(file_id) if file_id else ""
    return src if files.is_address(src) else ""


# --- Tokens to HTML -------------------------------------------------------------------------------


class _Renderer(RendererHTML):
    """Our own forms of code, tables, images, math and citations. Rules are found by the tokens'
    names.
    """

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
        return frame(token.content.removesuffix("\n"), language, str(token.attrs.get("id", "")))

    code_block = fence

    def table_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return format_html(
            '<div class="table-wrap"{} tabindex="0"><table class="table" dir="auto">',
            _id(tokens[idx]),
        )

    def table_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return "</table></div>"

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        alt = restore(self.renderInlineAsText(token.children, options, env))
        if not token.attrs["src"]:
            return escape(alt)
        return format_html('<img src="{}" alt="{}" loading="lazy">', token.attrs["src"], alt)

    def math_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return mathml(tokens[idx].content, tokens[idx].info)

    def math_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        formula = mathml(tokens[idx].content, "block")
        return f'<div class="formula"{_id(tokens[idx])} tabindex="0">{formula}</div>'

    def math_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return format_html('<div class="formula"{}></div>', _id(tokens[idx]))

    def citation(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        scope: Scope = env["scope"]
        number = int(tokens[idx].content)
        first = number not in scope.cited
        scope.cited.add(number)
        note = scope.annotations.note(number)
        # The footnote says the same to those who hear the page.
        return format_html(
            '<sup class="cite"><a href="#fn-{0}-{1}"{2} aria-label="{5}">{1}</a>'
            '<span class="cite__note" aria-hidden="true"><b>{3}</b> {4}</span></sup>',
            scope.anchor,
            number,
            format_html(' id="cite-{}-{}"', scope.anchor, number) if first else "",
            note.label,
            note.quote,
            _("Footnote {number}").format(number=number),
        )

    def file_path(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        token = tokens[idx]
        file_id = token.meta["file_id"]
        if address := files.download_address(file_id) if file_id else "":
            return format_html('<a href="{}" download="">{}</a>', address, token.content)
        return escape(token.content)


def _id(token: Token) -> SafeString:
    ident = token.attrs.get("id")
    return format_html(' id="{}"', ident) if ident else SafeString("")


def _make_parser() -> MarkdownIt:
    md = MarkdownIt(
        "commonmark",
        {"html": False, "breaks": True, "maxNesting": MAX_NESTING},
        renderer_cls=_Renderer,
    )
    md.enable(["table", "strikethrough"])
    md.use(math_plugin)
    # Every link is parsed as one; where it may lead is decided when it is resolved.
    md.core.ruler.push("resolve", _resolve)
    return md


_parser: Final = _make_parser()

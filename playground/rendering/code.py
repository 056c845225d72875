"""Source code as highlighted HTML: spans with pygments' short class names, in the frame with the
Copy button.
"""

from functools import lru_cache
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Comment, String, Text, _TokenType

from playground.rendering.files import icon

MAX_HIGHLIGHTED: Final = 60_000
"""Longer code is shown plain: a lexer is slower than any other part of a page."""

PIECE_LINES: Final = 60

LANGUAGES: Final = frozenset(
    """
    bash c cpp csharp css diff docker go graphql haskell html http ini java javascript
    json julia kotlin latex lua make markdown matlab nginx objective-c perl php powershell
    python pytb r ruby rust scala shell sql swift toml typescript xml yaml
    """.split()  # noqa: SIM905
)
"""Languages with lexers known to be quick on any input; any other is shown plain under its own
name.
"""

_NESTED: Final = frozenset({"html", "markdown", "perl", "php", "ruby", "shell", "xml"})
"""Their lexers are inside something for most of the text, so it cannot be read in pieces."""

ALIASES: Final = {
    "c#": "csharp",
    "c++": "cpp",
    "console": "shell",
    "cs": "csharp",
    "dockerfile": "docker",
    "golang": "go",
    "ipython": "python",
    "js": "javascript",
    "jsx": "javascript",
    "kt": "kotlin",
    "makefile": "make",
    "md": "markdown",
    "objc": "objective-c",
    "ps1": "powershell",
    "py": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "svg": "xml",
    "tex": "latex",
    "ts": "typescript",
    "tsx": "typescript",
    "yml": "yaml",
    "zsh": "bash",
}
LABELS: Final = {"docker": "Dockerfile", "pytb": "Traceback", "shell": "Shell", "make": "Makefile"}

_COLOURED: Final = {
    name: shown
    for shown, names in {
        "c": "c c1 cm cp ch cs",
        "k": "k kn kd kc kr ow kt",
        "s": "s s1 s2 sd sb se si sa sx",
        "m": "m mi mf mh il",
        "n": "nf nc nb nt na nd fm",
        **{name: name for name in ("err", "gi", "gd")},
    }.items()
    for name in names.split()
}
"""The class that the style sheet colours, by the lexers' own. The others would be markup without
effect: comments, keywords, strings, numbers, names, and what an error or a change is.
"""


def highlight(code: str, language: str) -> SafeString:
    """The code as HTML, without a frame. Code that is cut off in the middle is highlighted as far
    as it goes.
    """
    name = _canonical(language)
    if name not in LANGUAGES or len(code) > MAX_HIGHLIGHTED:
        return escape(code)
    if name in _NESTED:
        return mark_safe(_piece(name, code)[0])  # noqa: S308  (every piece is escaped)
    lines = code.splitlines(keepends=True)
    pieces: list[str] = []
    start, end = 0, PIECE_LINES
    while start < len(lines):
        html, closed = _piece(name, "".join(lines[start:end]))
        if closed or end >= len(lines):
            pieces.append(html)
            start = end
        end += PIECE_LINES
    return mark_safe("".join(pieces))  # noqa: S308  (every piece is escaped)


@lru_cache(maxsize=512)
def _piece(name: str, code: str) -> tuple[str, bool]:
    """Some lines as HTML, and whether a new piece may begin after them: not within a string or a
    comment. Kept, so that code which grows at its end is not read from its beginning each time.
    """
    html: list[str] = []
    open_class, run = "", ""
    last = Text
    for token, text in _lexer(name).get_tokens(code):
        if text.strip():
            last = token
        kind = _class(token)
        if kind == open_class:
            run += text
            continue
        html.append(_span(open_class, run))
        open_class, run = kind, text
    html.append(_span(open_class, run))
    return "".join(html), not (_is(last, String) or _is(last, Comment.Multiline))


def frame(code: str, language: str, ident: str = "") -> SafeString:
    """Highlighted code under a head with the language's name and a Copy button.

    :param ident: the element id of the frame, or empty
    """
    label = language_label(language)
    return format_html(
        '<div class="code"{}><div class="code__head"><span>{}</span>{}</div>'
        '<pre tabindex="0" role="group" aria-label="{}"><code>{}</code></pre></div>',
        format_html(' id="{}"', ident) if ident else "",
        label,
        copy_button(),
        _("{language} code").format(language=label) if language.strip() else label,
        highlight(code, language),
    )


def copy_button() -> SafeString:
    """Copies the text of the frame that it stands in."""
    return format_html(
        '<button type="button" class="btn btn--quiet btn--small scripted" '
        'data-copy="frame">{}{}</button>',
        icon("copy"),
        _("Copy"),
    )


def language_label(language: str) -> str:
    """The name of the language as people write it: "Python" for ``py``."""
    name = _canonical(language)
    if name in LANGUAGES:
        return LABELS.get(name) or _lexer(name).name
    return language[:40] or _("Code")


def _canonical(language: str) -> str:
    name = language.strip().lower()
    return ALIASES.get(name, name)


@lru_cache(maxsize=64)
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _is(token: _TokenType, kind: _TokenType) -> bool:
    return token[: len(kind)] == kind


@lru_cache(maxsize=512)
def _class(token: _TokenType) -> str:
    """The class of a token or of the nearest kind above it that is coloured; empty if none is."""
    for kind in reversed(token.split()):
        if shown := _COLOURED.get(STANDARD_TYPES.get(kind, "")):
            return shown
    return ""


def _span(name: str, text: str) -> str:
    if not text:
        return ""
    return f'<span class="{name}">{escape(text)}</span>' if name else escape(text)

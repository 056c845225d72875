"""The last gate: whatever the renderers made, only these elements, attributes and addresses leave
this package.
"""

import re

import nh3
from django.utils.safestring import SafeString, mark_safe

from playground.rendering import files

MATHML = set(
    """
    math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot
    mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover
    none
    """.split()  # noqa: SIM905
)
_MATHML_ATTRIBUTES = set(
    """
    accent accentunder columnalign columnlines columnspacing depth display displaystyle
    fence form height linethickness lspace mathvariant maxsize minsize movablelimits
    notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric voffset
    width
    """.split()  # noqa: SIM905
)
_PROSE = set(
    """
    a b blockquote br code del div em h1 h2 h3 h4 h5 h6 hr img li ol p pre span strong sup
    table tbody td th thead tr ul
    """.split()  # noqa: SIM905
)
_FRAME = {"button", "svg", "use"}

_ID = re.compile(r"[\w.-]{1,128}")
_OUTSIDE = re.compile(r"(?:https?://|mailto:)\S+")
_FOOTNOTE = re.compile(r"#(?:fn|cite)-[\w.-]+")


def _attribute(element: str, name: str, value: str) -> str | None:
    """Addresses may lead out of here or to our own files; nothing is ever loaded from outside."""
    if name == "href" and element == "a":
        safe = _OUTSIDE.fullmatch(value) or _FOOTNOTE.fullmatch(value) or files.is_address(value)
        return value if safe else None
    if name == "href" and element == "use":
        return value if value.startswith(files.icon_address("")) else None
    if name == "src":
        return value if files.is_address(value) else None
    if name == "id":
        return value if _ID.fullmatch(value) else None
    return value


_cleaner = nh3.Cleaner(
    tags=_PROSE | _FRAME | MATHML,
    clean_content_tags={"script", "style", "iframe", "object", "template"},
    attributes={
        "*": {"class", "id"},
        "a": {"href", "title", "target", "rel", "download", "aria-label"},
        "blockquote": {"dir"},
        "button": {"type", "data-copy"},
        "img": {"src", "alt", "title", "loading"},
        "ol": {"start", "dir"},
        "pre": {"tabindex", "role", "aria-label"},
        "div": {"tabindex"},
        "span": {"aria-hidden"},
        "svg": {"aria-hidden"},
        "table": {"dir"},
        "td": {"data-align"},
        "th": {"data-align"},
        "ul": {"dir"},
        "use": {"href"},
        **dict.fromkeys(MATHML, _MATHML_ATTRIBUTES),
    },
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
)


def clean(html: str) -> SafeString:
    """The HTML without anything that could run, load or lead where it should not."""
    return mark_safe(_cleaner.clean(html))  # noqa: S308  (this is the sanitiser)

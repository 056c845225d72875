"""HTML files: what a person would read of them, without navigation and the like."""

import re

from lxml import etree
from lxml import html as lxml_html

from assistants.retrieval import plain
from assistants.retrieval.chunking import Page
from assistants.retrieval.unreadable import Unreadable

DECLARED = re.compile(
    rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE
)
NOT_SHOWN = ("script", "style", "noscript", "template", "svg", "iframe", "object")
INLINE = re.compile(
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|rp|rt|ruby|s|samp|small|span"
    "|strike|strong|sub|sup|time|tt|u|var|wbr"
)
"""Elements that stand in a line; any other begins a new one."""
UNSEEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
LEAST = 0.1
"""Share of all text below which what was found is hardly the article."""
MAX_DEPTH = 250
"""Elements inside each other. Of what lies deeper trafilatura, which has its own parser, sees
nothing, and nothing that comes after it either.
"""


def read(path: str) -> list[Page]:
    """The article of a page, or all its text where there is none."""
    source = _decode(plain.load(path))
    try:
        # Without "huge" the text ends where 256 elements are inside each other.
        parser = lxml_html.HTMLParser(huge_tree=True)
        tree = lxml_html.document_fromstring(source, parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise Unreadable("invalid_file", "The file is not HTML that can be read.") from error
    if parser.error_log.filter_types(etree.ErrorTypes.ERR_RESOURCE_LIMIT):
        raise Unreadable("invalid_file", "The file's elements are nested too deeply to be read.")
    title = " ".join((tree.findtext(".//title") or "").split())
    if _without_hidden(tree):
        source = lxml_html.tostring(tree, encoding="unicode")
    everything = _all_text(tree)
    article = _article(source) if _depth(tree) <= MAX_DEPTH else ""
    text = article if len(article) > LEAST * len(everything) else everything
    return [Page(text if title in text[: 2 * len(title)] else f"{title}\n\n{text}")]


def _article(source: str) -> str:
    from trafilatura import extract

    return extract(source, include_comments=False, favor_recall=True) or ""


def _decode(data: bytes) -> str:
    """By the byte order mark, else as it says itself, else by what it looks like."""
    declared = DECLARED.search(data[:2048])
    if declared and not data.startswith(tuple(mark for mark, _ in plain.MARKS)):
        name = declared[1].decode("ascii").lower()
        try:
            # As browsers have it: who says GB2312 or Latin-1 means what came to be of them.
            text = data.decode({"gb2312": "gb18030", "gbk": "gb18030"}.get(name, name))
        except (UnicodeDecodeError, LookupError):
            text = plain.decode(data)
    else:
        text = plain.decode(data)
    # lxml refuses text that says how it was encoded.
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def _all_text(tree: lxml_html.HtmlElement) -> str:
    parts: list[str] = []
    skipped = 0
    for event, element in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        tag = element.tag if isinstance(element.tag, str) else ""
        shown = tag and tag not in NOT_SHOWN
        if event == "start":
            skipped += not shown
            parts.append("" if INLINE.fullmatch(tag) else "\n")
            parts.append(element.text or "" if not skipped else "")
        else:
            if event == "end":
                skipped -= not shown
                parts.append("" if INLINE.fullmatch(tag) else "\n")
            parts.append(element.tail or "" if not skipped else "")
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _is_hidden(element: lxml_html.HtmlElement) -> bool:
    """Whether a person does not see it, by what stands in its own tag."""
    if element.get("hidden", "until-found") != "until-found":
        return True
    return bool(UNSEEN.search(element.get("style") or ""))


def _without_hidden(tree: lxml_html.HtmlElement) -> bool:
    """Take out what a person does not see; whether there was any."""
    hidden = [one for one in tree.iter(etree.Element) if _is_hidden(one)]
    for one in hidden:
        if one.getparent() is not None:
            one.drop_tree()
    return bool(hidden)


def _depth(tree: lxml_html.HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest

"""Nothing that a model or a file name can hold may run, load or lead astray."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.rendering.code import frame, highlight
from playground.rendering.markdown import render
from playground.rendering.sanitise import clean

ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '<svg onload="alert(1)">',
    "<iframe src=javascript:alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    '[x](https://a "onmouseover=alert(1)")',
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![x](//evil.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](/files/../logout)",
    "![x](/files/file-1/content?x=//evil.example)",
    '![x" onerror="alert(1)](sandbox:/mnt/data/a.png)',
    "[x](/\\evil.example)",
    '```"><script>alert(1)</script>\ncode\n```',
    "```html\n</code></pre><script>alert(1)</script>\n```",
    r"\( \href{javascript:alert(1)}{x} \)",
    r"\( \text{</math><script>alert(1)</script>} \)",
    r"$$\unicode{<img src=x onerror=alert(1)>}$$",
    '| <img src=x onerror=alert(1)> |\n|---|\n| "><script>alert(1)</script> |',
    "[a]: javascript:alert(1)\n\n[a]",
    "【4:0†<img src=x onerror=alert(1)>】",
    "[x](sandbox:/mnt/data/<script>alert(1)</script>)",
    'sandbox:/mnt/data/"onmouseover="alert(1)',
]
ANNOTATIONS = [
    {
        "type": "file_citation",
        "text": "【4:0†<img src=x onerror=alert(1)>】",
        "file_citation": {"file_id": "file-1", "quote": "<img src=x onerror=alert(1)>"},
    },
    {
        "type": "file_path",
        "text": "sandbox:/mnt/data/a.png",
        "file_path": {"file_id": '"><script>'},
    },
]
OURS = re.compile(r"/files/[\w%-]+/content")
SOURCE = re.compile(r"/files/[\w%-]+/text(\?start=\d+&end=\d+#passage)?")


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_inert(html: str) -> None:
    for tag, attributes in Elements(html).found:
        assert tag not in {"script", "style", "iframe", "object", "embed", "form", "base", "link"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"style", "srcdoc", "srcset", "xlink:href", "formaction", "action"}
            if name == "src":
                assert OURS.fullmatch(value or "")
            if name == "href" and tag == "a":
                allowed = re.match(r"https?://|mailto:|#(fn|cite)-", value or "")
                assert allowed or OURS.fullmatch(value or "") or SOURCE.fullmatch(value or "")
            if name == "href" and tag == "use":
                assert (value or "").startswith("/static/icons.svg#")


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_is_inert(attack: str) -> None:
    assert_inert(render(f"Before {attack}\n\n{attack}\n\nafter", ANNOTATIONS, {"file-1": attack}))


@pytest.mark.parametrize("attack", ATTACKS)
def test_code_is_inert(attack: str) -> None:
    assert_inert(frame(attack, "html"))
    assert_inert(frame("x", attack))
    assert_inert(highlight(attack, "python"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_sanitiser_alone_makes_it_inert(attack: str) -> None:
    assert_inert(clean(attack))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*ATTACKS, "*", "`", "\n", "[", "](", ")", "<", "$$", "> ", "- "])))
def test_attacks_put_together_in_any_way_are_inert(pieces: list[str]) -> None:
    assert_inert(render("".join(pieces), ANNOTATIONS))

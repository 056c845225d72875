"""Markdown that grows: what is shown on the way, and that it ends as if it had come at once."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.rendering.blocks import Blocks
from playground.rendering.healing import close, heal
from playground.rendering.markdown import render

CITATION = {
    "type": "file_citation",
    "text": "【4:0†guide.pdf】",
    "file_citation": {"file_id": "file-1", "quote": "Use a grid."},
}
ANSWER = r"""Here is the **plot** of `sin(x)` from 0 to \( 4\pi \):

1. First, *import* the [library](https://example.org/a_b).
2. Then plot it【4:0†guide.pdf】.

## The code

```python
import numpy as np

x = np.linspace(0, 4 * np.pi, 1000)
```

| x | sin |
|---|----:|
| 0 | 0 |
| 1 | **0.84** |

\[
a
- b
\]

> A quotation, ~~not~~ short.

***

Download [the data](sandbox:/mnt/data/sine.csv). It cost $5 & took 3 < 4 s.
"""


def shown(blocks: Blocks) -> str:
    """The text that a reader sees."""
    return re.sub(r"<[^>]*>", "", blocks.html)


def grow(text: str, step: int = 1) -> list[str]:
    """What is shown after every few characters."""
    blocks = Blocks("text")
    seen: list[str] = []
    for start in range(0, len(text), step):
        piece = text[start : start + step]
        blocks.feed(piece, [CITATION] if "】" in piece else [])
        blocks.changes()
        seen.append(blocks.html)
    return seen


def test_it_ends_as_if_it_had_come_at_once() -> None:
    for step in (1, 3, 7, 50):
        # Before the end a table's last row or a paragraph may be held back, but nothing here is.
        assert grow(ANSWER, step)[-1] == render(ANSWER, [CITATION])


def test_no_raw_mark_is_ever_shown() -> None:
    for html in grow(ANSWER):
        text = re.sub(r"<[^>]*>", "", html)
        for mark in ("【", "†", "sandbox:", "**", "`", "](", "|", "\\(", "\\[", "##", "~~"):
            assert mark not in text


def test_a_finished_block_is_reported_once_and_never_again() -> None:
    blocks = Blocks("text")
    final: dict[int, str] = {}
    for character in ANSWER:
        blocks.feed(character)
        for block in blocks.changes():
            assert block.index not in final
            if block.final:
                final[block.index] = block.html
    assert len(final) == 8


def test_what_is_shown_only_grows() -> None:
    before = ""
    for html in grow(
        "One **two** three.\n\n- four\n- five `six` 7\n\nEight [nine](https://e.org)."
    ):
        text = re.sub(r"<[^>]*>|\n", "", html)
        assert text.startswith(before.rstrip())
        before = text


def test_text_without_a_change_on_the_screen_reports_nothing() -> None:
    blocks = Blocks("text")
    blocks.feed("Some text")
    assert len(blocks.changes()) == 1
    blocks.feed(" 【4:0†gui")
    assert blocks.changes() == []


def test_footnotes_are_reported_when_there_is_a_new_one() -> None:
    blocks = Blocks("text")
    blocks.feed("A grid")
    assert blocks.new_footnotes() == ""
    blocks.feed("【4:0†guide.pdf】", [CITATION])
    blocks.changes()
    assert "Use a grid." in blocks.new_footnotes()
    assert blocks.new_footnotes() == ""


def test_a_citation_is_the_place_to_go_back_to_only_once() -> None:
    text = "One【4:0†guide.pdf】.\n\nTwo【4:0†guide.pdf】.\n\nThree."
    assert grow(text, 5)[-1].count('id="cite-text-1"') == 1


@pytest.mark.parametrize(
    "cut,healed",
    [
        ("**bo", "**bo**"),
        ("**bold*", "**bold**"),
        ("**bold** and *it", "**bold** and *it*"),
        ("***both", "***both***"),
        ("**bold with *both* ", "**bold with *both***"),
        ("a `co", "a `co`"),
        ("a ``co`de", "a ``co`de``"),
        ("~~gone", "~~gone~~"),
        ("2*3 and 4*5", "2*3 and 4*5"),
        ("a * b", "a * b"),
        ("snake_case_name", "snake_case_name"),
        ("- one\n- *two", "- one\n- *two*"),
        ("# Hea", "# Hea"),
        ("# Head\n\n**b", "# Head\n\n**b**"),
        ("| a |\n|---|\n| *x", "| a |\n|---|\n| *x*"),
    ],
)
def test_what_is_open_is_closed(cut: str, healed: str) -> None:
    assert heal(cut) == healed


@pytest.mark.parametrize(
    "cut,healed",
    [
        ("text\n-", "text"),
        ("text\n--", "text"),
        ("text\n===", "text"),
        ("text\n\n1", "text\n"),
        ("text\n\n1.", "text\n"),
        ("text\n#", "text"),
        ("text\n``", "text"),
        ("```py", ""),
        ("```python\nx = 1\n``", "```python\nx = 1\n"),
        ("- a\n  ```py\n  x\n  `", "- a\n  ```py\n  x\n"),
        ("| a | b |", ""),
        ("| a | b |\n|--", ""),
        ("see [the lab", "see "),
        ("see [label](https://exa", "see "),
        ("see [label]", "see "),
        ("see ![alt](sandbox:/mnt", "see "),
        ("see sandbox:/mnt/data/x", "see "),
        ("see sandb", "see "),
        ("x \\(a + b", "x "),
        ("x $a + b", "x "),
        ("x \\", "x "),
        ("fact【4:0†gui", "fact"),
        ("fact【", "fact"),
    ],
)
def test_what_is_undecided_waits(cut: str, healed: str) -> None:
    assert heal(cut) == healed


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and",
        "【注意",
        "An array [0, 1) that is never closed, " + "but goes on for long " * 6,
        "```python\nprint('[x](' + \"**\")\n",
        "---\n\nText",
        "A *complete* **sentence** with `code` and [link](https://example.org).",
    ],
)
def test_what_is_decided_is_shown_as_it_is(text: str) -> None:
    assert heal(text) == text


@pytest.mark.parametrize(
    "cut,closed",
    [
        ("Here is how to *make", "Here is how to *make*"),
        ("Here is how to **", "Here is how to "),
        ("Heading\n**", "Heading"),
        ("- **bold *both", "- **bold *both***"),
        ("a `co", "a `co`"),
        ("fact【4:0†gui", "fact"),
        ("Done!", "Done!"),
        ("There is s", "There is s"),
        ("see [the lab", "see [the lab"),
        ("see [label](https://exa", "see [label](https://exa"),
        ("x $a + b", "x $a + b"),
        ("x \\(a + b", "x \\(a + b"),
        ("text\n\n42", "text\n\n42"),
        ("| a | b |", "| a | b |"),
        ("```py\nx = **", "```py\nx = **"),
    ],
)
def test_what_is_cut_off_for_good_loses_no_word_and_shows_no_open_mark(
    cut: str, closed: str
) -> None:
    assert close(cut) == closed


PIECES = st.sampled_from(
    [
        *("word ", "**", "*", "_", "`", "```\n", "```python\n", "\n", "\n\n", "- ", "1. ", "2"),
        *("# ", "> ", "【4:0†guide.pdf】", "[a](https://e.org)", "[b](sandbox:/mnt/data/x.csv)"),
        *("sandbox:/mnt/data/x.csv ", "![c](x)", "$", "$$", "\\(", "\\)", "\\[", "\\]"),
        *("| a | b |\n", "|---|---|\n", "~~", "\\", "<b>", "&amp;"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_citation_marker_is_seen_in_any_prefix_of_any_text(text: str) -> None:
    for html in grow(text):
        assert "†" not in re.sub(r"<[^>]*>", "", html)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_word_of_any_text_is_lost_when_it_is_cut_off(text: str) -> None:
    kept = close(text)
    for word in ("word", "python", "guide", "sandbox", "example"):
        assert kept.count(word) == text.count(word)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_can_be_grown_by_any_character(text: str) -> None:
    for html in grow(text):
        assert html.count("<code") == html.count("</code>")
    assert render(text, [CITATION]) is not None

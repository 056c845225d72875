"""A model's Markdown as HTML."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from playground.rendering.blocks import Blocks
from playground.rendering.markdown import render

CITATION = {
    "type": "file_citation",
    "text": "【4:0†guide_to_*plots*.pdf】",
    "file_citation": {"file_id": "file-guide", "quote": "Add <grid> lines."},
}
SECOND = {
    "type": "file_citation",
    "text": "【4:1†source】",
    "file_citation": {"file_id": "file-axes"},
}


def path(name: str, file_id: str) -> dict[str, object]:
    text = f"sandbox:/mnt/data/{name}"
    return {"type": "file_path", "text": text, "file_path": {"file_id": file_id}}


class Text(HTMLParser):
    """What a reader sees of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_headings_stand_below_those_of_the_page() -> None:
    assert "<h3" in render("# Title")
    assert "<h6" in render("##### Deep")


def test_a_line_break_of_the_model_is_kept() -> None:
    assert "one<br>\ntwo" in render("one\ntwo")


def test_code_is_highlighted_in_a_frame_with_its_language_and_a_copy_button() -> None:
    html = render("```py\nimport numpy\n```")
    assert '<span class="k">import</span> numpy' in html
    assert "<span>Python</span>" in html
    assert "data-copy" in html


def test_code_of_an_unknown_language_is_plain_under_its_own_name() -> None:
    html = render("```klingon\nqapla' < 1\n```")
    assert "<span>klingon</span>" in html
    assert "qapla' &lt; 1" in html


def test_a_table_can_be_scrolled_and_its_columns_are_aligned_without_a_style() -> None:
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<div class="table-wrap" id="text-0" tabindex="0">' in html
    assert '<td data-align="right">2</td>' in html
    assert "style" not in html


@pytest.mark.parametrize(
    "source", [r"from 0 to \( 4\pi \).", "from 0 to $4\\pi$.", r"from 0 to \(4\pi\)."]
)
def test_math_in_a_line_becomes_mathml(source: str) -> None:
    html = render(source)
    assert '<math display="inline"><mrow><mn>4</mn><mi>π</mi></mrow></math>.' in html


@pytest.mark.parametrize("source", ["$$\n\\frac{1}{2}\n$$", "\\[\n\\frac{1}{2}\n\\]"])
def test_math_set_apart_is_a_block(source: str) -> None:
    html = render(f"Before\n\n{source}\n\nAfter")
    assert '<div class="formula" id="text-1" tabindex="0"><math display="block">' in html
    assert "<mfrac>" in html


def test_math_ends_a_paragraph_without_an_empty_line() -> None:
    assert "<mfrac>" in render("So:\n\\[\n\\frac{1}{2}\n\\]\nDone.")


def test_prices_are_no_math() -> None:
    assert "<math" not in render("It costs $5, or $6 with tax, and US$7 there.")


def test_math_that_cannot_be_read_is_shown_as_it_was_written() -> None:
    assert r"<code>\frac{</code>" in render(r"\( \frac{ \)")


def test_a_character_can_be_named_by_its_number_in_a_formula() -> None:
    assert "✓" in render(r"\( \unicode{x2713} \)")
    assert "✓" in render(r"\( \unicode[Arial]{10003} \)")


@pytest.mark.parametrize("number", ["", "{}", "{x}", "{x0}", "{x5c}", "{xd800}", "{x110000}"])
def test_a_number_that_names_no_character_is_shown_as_it_was_written(number: str) -> None:
    html = render(rf"\( \unicode{number} \)")
    assert f"<code>\\unicode{number}</code>" in html
    assert "&amp;#" not in html


def test_text_in_a_formula_cannot_become_markup() -> None:
    assert "<b>" not in render(r"\( \text{<b>bold</b>} < 2 \)")
    assert "&lt;b&gt;" in render(r"\( \text{<b>bold</b>} \)")


def test_citations_are_numbered_and_listed_with_file_and_quote() -> None:
    html = render(
        "Use a grid【4:0†guide_to_*plots*.pdf】 and label axes【4:1†source】.",
        [CITATION, SECOND],
        {"file-axes": "axes.md"},
        anchor="msg_1-0",
    )
    assert '<sup class="cite"><a href="#fn-msg_1-0-1" id="cite-msg_1-0-1"' in html
    assert '<li id="fn-msg_1-0-1">' in html
    assert "guide_to_*plots*.pdf" in html
    assert "Add &lt;grid&gt; lines." in html
    assert "axes.md" in html
    assert "†" not in html


def test_a_source_that_is_cited_twice_has_one_footnote_and_one_place_to_go_back_to() -> None:
    text = "One【4:1†source】.\n\nTwo【4:1†source】."
    html = render(text, [SECOND])
    assert html.count('href="#fn-text-1"') == 2
    assert html.count('id="cite-text-1"') == 1
    assert html.count('<li id="fn-text-1">') == 1


@pytest.mark.parametrize(
    "text, before",
    [
        ("[label【4:1†source】 more](https://example.org) end", "label more</a>"),
        ("[label](https://example.org/【4:1†source】) end", "label</a>"),
        ("<https://example.org/【4:1†source】> end", "https://example.org/</a>"),
        ("[【4:1†source】](https://example.org) end", '<p id="text-0">'),
        ("`code【4:1†source】` end", "<code>code</code>"),
        ("![alt【4:1†source】](x.png) end", "alt"),
        (r"\(x【4:1†source】\) end", "</math>"),
    ],
)
def test_what_is_cited_in_a_link_or_in_code_stands_after_it(text: str, before: str) -> None:
    html = render(text, [SECOND])
    place = html.index('<sup class="cite"><a href="#fn-text-1"')
    assert html[:place].endswith(before)
    assert html[place : html.index("</p>")].endswith("</sup> end")
    assert "†" not in html
    assert "%EF%B7" not in html
    assert 'href="#cite-text-1"' in html


def test_a_source_that_is_cited_in_a_block_of_code_alone_has_no_place_to_go_back_to() -> None:
    html = render("```\nx = 1  # 【4:1†source】\n```", [SECOND])
    assert '<li id="fn-text-1">' in html
    assert "#cite-" not in html


def test_a_marker_next_to_bold_text_does_not_break_it() -> None:
    assert '<strong>"Yes"</strong><sup' in render('**"Yes"**【4:1†source】', [SECOND])


@pytest.mark.parametrize(
    "text",
    [
        "Text【4:0†a.pdf】 more",
        "`code【4:0†a.pdf】`",
        "```\ncode【13†source】\n```",
        "[label【4:0†a.pdf】](https://example.org)",
        "![alt【4:0†a.pdf】](x.png)",
        "# Head【4:0†a.pdf】",
        r"\( x【4:0†a.pdf】 \)",
    ],
)
def test_a_marker_without_an_annotation_is_never_seen(text: str) -> None:
    assert "†" not in render(text)


def test_chinese_brackets_are_text() -> None:
    assert "【注意】" in render("【注意】請先閱讀【第1章】。")


def test_a_sandbox_link_becomes_a_download() -> None:
    html = render("[Get it](sandbox:/mnt/data/a.csv)", [path("a.csv", "file-a")])
    assert '<a href="/files/file-a/content" download="">Get it</a>' in html


def test_a_sandbox_link_may_have_spaces_and_brackets_in_its_name() -> None:
    html = render("[Get](sandbox:/mnt/data/my data (1).csv)", [path("my data (1).csv", "file-a")])
    assert '<a href="/files/file-a/content" download="">Get</a>' in html


def test_a_sandbox_path_in_the_text_becomes_a_download_with_the_files_name() -> None:
    html = render("Saved as sandbox:/mnt/data/a.csv.", [path("a.csv", "file-a")])
    assert 'Saved as <a href="/files/file-a/content" download="">a.csv</a>.' in html


@pytest.mark.parametrize(
    "text", ["[Get it](sandbox:/mnt/data/gone.csv)", "See sandbox:/mnt/data/gone.csv now"]
)
def test_a_sandbox_path_that_nothing_explains_is_no_link(text: str) -> None:
    html = render(text)
    assert "sandbox:" not in html
    assert "href" not in html


def test_an_image_from_the_sandbox_is_shown_from_our_storage() -> None:
    html = render("![A sine](sandbox:/mnt/data/sine.png)", [path("sine.png", "file-s")])
    assert '<img src="/files/file-s/content" alt="A sine" loading="lazy">' in html


def test_a_link_to_another_site_opens_beside_this_one_and_tells_it_nothing() -> None:
    html = render("[docs](https://example.org/a?b=1&c=2)")
    assert 'href="https://example.org/a?b=1&amp;c=2"' in html
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize("target", ["/settings", "threads", "#run", "ftp://example.org/x"])
def test_a_link_to_anywhere_else_is_only_its_words(target: str) -> None:
    html = render(f"[words]({target})")
    assert "<a" not in html
    assert Text(html).text.strip() == "words"


def test_one_marker_that_stands_for_several_passages_has_a_footnote_for_each() -> None:
    text = "Mondays【4:0†a.txt】 and at noon【4:0†a.txt】, not on Mondays【4:0†a.txt】."
    quotes = ["Closed on Mondays.", "Closed at noon.", "Closed on Mondays."]
    places = [found.start() for found in re.finditer("【", text)]
    annotations: list[dict[str, Any]] = [
        {
            "type": "file_citation",
            "text": "【4:0†a.txt】",
            "start_index": place,
            "file_citation": {"file_id": "file-1", "quote": quote},
        }
        for place, quote in zip(places, quotes, strict=True)
    ]
    html = render(text, annotations)
    assert re.findall(r'href="#fn-text-(\d)"', html) == ["1", "2", "1"]
    assert html.count("<li id=") == 2
    blocks = Blocks("text")
    for piece in ("Before.\n\n", text):
        blocks.feed(piece)
    shifted = [one | {"start_index": one["start_index"] + 9} for one in annotations]
    blocks.feed("\n\nAfter.", shifted)
    blocks.changes()
    blocks.feed(" And after.")
    blocks.changes()
    assert re.findall(r'href="#fn-text-(\d)"', blocks.html) == ["1", "2", "1"]


def test_a_marker_in_what_a_file_says_is_not_seen() -> None:
    cited = {"file_id": "file-1", "quote": "Approved 【9:9†other.txt】by all."}
    html = render(
        "Yes【4:0†a.txt】.", [CITATION | {"text": "【4:0†a.txt】", "file_citation": cited}]
    )
    assert "Approved by all." in html
    assert "†" not in html


def test_a_footnote_of_a_deleted_file_leads_nowhere() -> None:
    html = render("Yes【4:1†source】.", [SECOND], {"file-axes": None})
    assert "a deleted file" in html
    assert "/files/" not in html


@pytest.mark.parametrize("text, tag", [("- א", "ul"), ("1. א", "ol"), ("> א", "blockquote")])
def test_what_has_marks_beside_it_goes_the_way_its_words_go(text: str, tag: str) -> None:
    assert re.search(rf'<{tag}[^>]* dir="auto"', render(text))
    assert 'dir="auto"' in render("| א |\n|---|\n| ב |")

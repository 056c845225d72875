"""Passages as previews show them."""

import pytest

from playground.rendering.markdown import render
from playground.rendering.previews import preview


@pytest.mark.parametrize(
    "text,shown",
    [
        ("## 特休假", "特休假"),
        ("# 員工手冊\n\n## 特休假\n到職滿一年", "員工手冊 ·\n\n特休假 ·\n到職滿一年"),
        ("**Bake** at `220 °C`, says [the guide](guide.md).", "Bake at 220 °C, says the guide."),
        ("## Closed ##\nTen # nine, 2 ** 3, #tag", "Closed ·\nTen # nine, 2 ** 3, #tag"),
        ("", ""),
    ],
)
def test_a_preview_has_no_signs_of_markdown(text: str, shown: str) -> None:
    assert preview(text, "handbook.md") == shown


def test_source_code_is_shown_as_it_is() -> None:
    assert preview("# Bakes.\nbake(**how)", "bread.py") == "# Bakes.\nbake(**how)"


def test_a_footnote_quotes_without_signs_of_markdown() -> None:
    cited = {"file_id": "file_1", "quote": "## Bread"}
    annotation = {"type": "file_citation", "text": "【4:0†guide.md】", "file_citation": cited}
    shown = render("So【4:0†guide.md】.", [annotation])
    assert '<span class="notes__quote">Bread</span>' in shown

"""Passages as previews show them."""

from time import process_time
from typing import Any

import pytest
from django.test import Client

from assistants.models import Project, RunStep
from playground.rendering.markdown import render
from playground.rendering.previews import preview
from tests.factories import make_assistant, make_run, make_thread


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


@pytest.mark.parametrize("filename", ["bread.py", "bread.txt", "bread.pdf", "bread"])
def test_what_is_not_markdown_is_shown_as_it_is(filename: str) -> None:
    text = "# Bakes.\na[i](x) = `b` ** c ** d\n"
    assert preview(text, filename) == text


@pytest.mark.parametrize(
    "text",
    [
        "# a" + " " * 20_000 + "x",
        "# a" + " #" * 20_000 + "x",
        "`a " * 16_000,
        "**a " * 16_000,
        "[" * 20_000,
        "[a](" * 20_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    begun = process_time()
    preview(text, "handbook.md")
    assert process_time() - begun < 0.5


def test_a_footnote_quotes_without_signs_of_markdown() -> None:
    cited = {"file_id": "file_1", "quote": "## Bread"}
    annotation = {"type": "file_citation", "text": "【4:0†guide.md】", "file_citation": cited}
    shown = render("So【4:0†guide.md】.", [annotation])
    assert '<span class="notes__quote">Bread</span>' in shown


PASSAGE = "## Bread\n**Bake** it, says [the guide](guide.md)."


def searched() -> dict[str, Any]:
    """A call of file search that has found this passage in a Markdown file."""
    found = {"file_id": "file_1", "file_name": "guide.md", "score": 0.5}
    found["content"] = [{"type": "text", "text": PASSAGE}]
    return {"id": "call_1", "type": "file_search", "file_search": {"results": [found]}}


def test_a_step_previews_what_a_page_to_print_has_whole(page: Client, project: Project) -> None:
    thread = make_thread(project, "How?")
    run = make_run(thread, make_assistant(project))
    RunStep.objects.create(
        run=run,
        type="tool_calls",
        status="completed",
        step_details={"type": "tool_calls", "tool_calls": [searched()]},
    )
    shown = page.get(f"/threads/{thread.id}").text
    assert ">Bread ·\nBake it, says the guide.</p>" in shown
    printed = b"".join(page.get(f"/threads/{thread.id}/print")).decode()
    assert f"<blockquote>{PASSAGE}</blockquote>" in printed

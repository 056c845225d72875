"""File search in the studio: the step that searched, and the footnotes of the answer."""

from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.browser.conftest import DEMO, Studio
from tests.stack import Stack

NOTES = b"The harbor opens at six. Its lighthouse was built in 1822. Gulls live there."


def test_an_answer_from_a_document_names_it_in_a_footnote(
    studio: Studio, page: Page, stack: Stack
) -> None:
    client = OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1")
    file = client.files.create(file=("harbor.txt", NOTES), purpose="assistants")
    store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assistant = client.beta.assistants.create(
        name="Librarian",
        model=DEMO,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    page.goto(f"/threads/new?assistant={assistant.id}")

    studio.ask("When was the lighthouse built?")
    studio.wait_for("Completed")

    step = page.locator(".step").first
    expect(step.locator(".step__name")).to_have_text("File search1 passage")
    expect(step).to_contain_text("Searched files:")
    expect(step.locator("q")).to_have_text("When was the lighthouse built?")
    expect(step.locator("dd strong")).to_have_text("harbor.txt")
    answer = page.locator(".msg--assistant")
    expect(answer.locator("sup.cite")).to_have_text("1")
    note = answer.locator(".notes li")
    expect(note).to_contain_text("harbor.txt")
    expect(note.locator(".notes__quote")).to_have_text("Its lighthouse was built in 1822.")
    assert "【" not in answer.inner_text()
    before = answer.inner_html()

    page.reload()

    expect(page.locator(".step q")).to_have_text("When was the lighthouse built?")
    assert page.locator(".msg--assistant").inner_html() == before

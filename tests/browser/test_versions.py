"""Answers that were to be replaced, and were not."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, error, text


def test_an_answer_is_back_when_nothing_came_in_its_place(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(error(400, "Out of order."))
    page.get_by_role("button", name="Regenerate").click()
    switch = page.get_by_role("group", name="Versions of this answer")
    expect(switch).to_contain_text("This version stays.")
    expect(switch).to_contain_text("1/2")
    expect(switch).to_contain_text("Out of order.")
    answer = page.locator(".msg--assistant .prose")
    expect(answer).to_have_text("Hello there.")
    expect(page.locator(".run")).to_have_count(1)
    switch.get_by_role("link", name="Later version").click()
    expect(switch).to_contain_text("The next run reads version 1 only.")
    expect(page.locator(".outcome")).to_contain_text("(400): Out of order.")
    expect(answer).to_have_count(0)
    shown = page.locator("#log > *").evaluate_all("all => all.map((one) => one.classList[0])")
    assert shown == ["msg", "turn", "outcome"]
    switch.get_by_role("link", name="Earlier version").click()
    expect(answer).to_have_text("Hello there.")
    # The next run reads it.
    model.reply(text("And more."))
    thread.ask("Go on")
    expect(page.get_by_text("And more.")).to_be_visible()
    said = [message["content"] for message in model.requests[-1].messages]
    assert "Hello **there**." in said

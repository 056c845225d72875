"""The page of a thread: its name, its end, its assistant, and what it shows when it is empty."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, text, until


def test_before_the_first_message_the_page_says_what_the_assistant_can_do_by_now(
    studio: Studio, page: Page
) -> None:
    studio.make_assistant("Toolbox")
    empty = page.locator("#empty")
    expect(empty).to_contain_text("It writes and runs Python.")
    page.locator("#assistant-code_interpreter").click()
    expect(empty).not_to_contain_text("It writes and runs Python.")
    page.locator("#assistant-file_search").click()
    expect(empty).to_contain_text("It searches its files.")
    empty.get_by_role("button", name="What is in these files?").click()
    expect(page.locator(".msg--user")).to_contain_text("What is in these files?")


def test_a_card_in_an_empty_thread_is_laid_out_as_elsewhere(studio: Studio, page: Page) -> None:
    """As the one that connects a model, which only who has none is shown."""
    studio.make_assistant("Talker")
    aligned = page.locator("#empty").evaluate(
        """(empty) => {
            empty.insertAdjacentHTML("beforeend", '<article class="card"></article>');
            return getComputedStyle(empty.lastElementChild).textAlign;
        }"""
    )
    assert aligned == "start"


def test_the_menu_of_an_assistant_opens_below_its_button(thread: Studio, page: Page) -> None:
    button = page.get_by_role("button", name="More for this assistant")
    button.click()
    menu = page.get_by_role("group", name="This assistant")
    expect(menu.get_by_role("link", name="Export")).to_be_visible()
    opener, opened = button.bounding_box(), menu.bounding_box()
    assert opener
    assert opened
    assert abs(opened["y"] - opener["y"] - opener["height"]) < 8
    assert abs(opened["x"] + opened["width"] - opener["x"] - opener["width"]) < 2
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_renaming_and_deleting_in_a_dialog(thread: Studio, page: Page) -> None:
    opener = page.get_by_role("link", name="Rename thread")
    opener.click()
    dialog = page.locator("#dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_label("Title").fill("Small talk")
    dialog.get_by_role("button", name="Rename").click()
    expect(page.locator("#thread-title")).to_have_text("Small talk")
    page.get_by_role("link", name="Delete thread").click()
    dialog.get_by_role("button", name="Delete thread").click()
    expect(page).to_have_url(re.compile("/threads$"))
    expect(page.locator("#messages")).to_contain_text("was deleted")


def test_who_deletes_a_thread_while_it_runs_comes_to_the_list(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("On and on"), until(Gate()))
    thread.ask("Write on")
    expect(page.locator(".msg--assistant").last).to_contain_text("On and on")
    page.get_by_role("link", name="Delete thread").click()
    page.locator("#dialog").get_by_role("button", name="Delete thread").click()
    expect(page).to_have_url(re.compile("/threads$"))
    expect(page.locator("#messages")).to_contain_text("was deleted")


def test_a_run_started_elsewhere_appears_in_every_tab(
    thread: Studio, model: ChatServer, page: Page, context: BrowserContext
) -> None:
    other = context.new_page()
    other.goto(page.url)
    model.reply(text("For both of you."))
    thread.ask("Tell us")
    expect(other.locator(".msg--assistant").last).to_contain_text("For both of you.")
    expect(other.locator(".run .chip").last).to_have_text("Completed")

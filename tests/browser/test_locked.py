"""The edges of a thread's page: its heading, and what the composer's foot says."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, stall


def test_a_draft_is_said_to_be_kept_where_there_is_one(thread: Studio, page: Page) -> None:
    kept = page.get_by_text("Draft kept on this device")
    expect(kept).to_be_hidden()
    page.get_by_label("Message", exact=True).fill("Later")
    expect(kept).to_be_visible()


def test_the_way_to_stop_stands_beside_why_the_thread_is_locked(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    model.reply(stall())
    thread.ask("Go on")
    stop = page.locator("#composer-actions").get_by_role("button", name="Stop")
    said = page.locator("#composer-actions > .muted")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        first, second = said.bounding_box(), stop.bounding_box()
        assert first
        assert second
        assert second["x"] >= first["x"] + first["width"]
        assert second["y"] < first["y"] + first["height"]
    stop.click()


def test_a_thread_has_one_heading_of_the_first_rank_at_any_width(
    thread: Studio, page: Page
) -> None:
    heading = page.get_by_role("heading", level=1)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        expect(heading).to_have_text("Hello")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("link", name="Rename thread").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Greetings")
    dialog.get_by_role("textbox").press("Enter")
    expect(heading).to_have_text("Greetings")

"""Ways that are short by keyboard, and focus that stays in sight."""

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Studio


def test_the_button_that_took_a_file_stays_in_sight(page: Page, studio: Studio) -> None:
    """The row of the file, and what is known of its store, push it down."""
    page.set_viewport_size({"width": 1440, "height": 900})
    studio.make_assistant("Reader")
    add = page.locator("[data-list=assistant-searched]")
    page.get_by_label("File search").check()
    expect(page.locator("#assistant-saved")).to_contain_text("Saved")
    button = page.locator("#assistant-search label")
    add.focus()
    button.evaluate("label => label.scrollIntoView({block: 'end'})")
    expect(button).to_be_in_viewport(ratio=1)
    file = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"Bread is baked.")
    add.set_input_files(file)
    expect(page.locator("#assistant-searched .chip")).to_have_text("Ready")
    expect(page.locator("#assistant-store")).to_be_visible()
    expect(add).to_be_focused()
    expect(button).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    "address,name",
    [
        ("/assistants/new", "Name"),
        ("/projects/new", "Name"),
        ("/vector-stores/new", "Name"),
        ("/settings/providers/new?like=azure", "Name"),
        ("/threads/new", "Message"),
    ],
)
def test_a_page_to_make_something_begins_in_its_first_field(
    page: Page, ids: dict[str, str], address: str, name: str
) -> None:
    page.goto(address)
    expect(page.get_by_role("textbox", name=name, exact=True)).to_be_focused()


def test_links_skip_to_each_panel(page: Page, studio: Studio) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    studio.make_assistant("Short ways")
    page.reload()
    for name, panel in (("content", "chat"), ("setup", "setup"), ("inspector", "inspect")):
        skip = page.get_by_role("link", name=f"Skip to the {name}")
        skip.focus()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator(f"#{panel}")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#inspect') !== null")


def test_links_skip_to_no_panel_that_is_closed(page: Page, studio: Studio) -> None:
    """The inspector is opened instead; where panels are tabs, those lead to them."""
    page.set_viewport_size({"width": 1440, "height": 900})
    studio.make_assistant("Short ways")
    page.get_by_role("button", name="Hide setup").click()
    expect(page.get_by_role("link", name="Skip to the setup")).to_have_count(0)
    page.get_by_role("button", name="Hide inspector").click()
    page.get_by_role("link", name="Skip to the inspector").press("Enter")
    expect(page.locator("#inspect")).to_be_focused()
    page.set_viewport_size({"width": 900, "height": 900})
    page.get_by_role("link", name="Skip to the inspector").press("Enter")
    expect(page.locator("#inspect")).to_be_focused()
    page.set_viewport_size({"width": 360, "height": 640})
    page.get_by_role("link", name="Skip to the inspector").press("Enter")
    expect(page.locator("#inspect")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the setup")).to_have_count(0)

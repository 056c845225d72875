"""The inspector beside a thread, which keeps up with its runs."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, text, until


def test_the_inspector_keeps_up_with_the_run(thread: Studio, model: ChatServer, page: Page) -> None:
    gate = Gate()
    model.reply(text("Wait"), until(gate), text(" for it."))
    inspector = page.locator("#inspect")
    expect(inspector.locator(".chip").first).to_have_text("Completed")
    thread.ask("Hold on")
    expect(inspector.locator(".chip").first).to_have_text("In progress")
    gate.open()
    expect(inspector.locator(".chip").first).to_have_text("Completed")
    inspector.get_by_role("link", name="Events").click()
    expect(inspector.locator(".events__name").last).to_have_text("thread.run.completed")
    inspector.get_by_role("link", name="JSON").click()
    expect(inspector.locator(".json")).to_contain_text('"thread.run"')


def test_the_inspector_tells_of_the_end_at_once(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    gate = Gate()
    model.reply(text("Wait"), until(gate), text(" for it."))
    chip = page.locator("#inspect .chip").first
    thread.ask("Hold on")
    expect(chip).to_have_text("In progress")
    # From here on nothing that waits for a time comes to pass.
    page.clock.install()
    page.clock.pause_at(2_000_000_000)
    gate.open()
    thread.wait_for("Completed")
    expect(chip).to_have_text("Completed")


def test_an_inspector_that_was_out_of_sight_has_kept_up(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    model.reply(text("In a pocket."))
    thread.ask("Where are you?")
    thread.wait_for("Completed")
    run = page.locator(".turn").last.get_attribute("id")
    page.get_by_role("link", name="Inspect", exact=True).last.click()
    inspector = page.locator("#inspect")
    expect(inspector).to_contain_text(str(run))
    expect(inspector.locator(".chip").first).to_have_text("Completed")


def test_the_focus_stays_on_the_inspectors_tab(thread: Studio, page: Page) -> None:
    page.wait_for_load_state()  # before it, a tab is a link to another page
    for name in ("Events", "JSON", "Code", "Usage", "Steps"):
        tab = page.locator("#inspect").get_by_role("link", name=name, exact=True)
        tab.focus()
        page.keyboard.press("Enter")
        expect(tab).to_have_attribute("aria-current", "true")
        expect(tab).to_be_focused()


def test_the_list_of_events_can_be_paused(thread: Studio, model: ChatServer, page: Page) -> None:
    page.get_by_role("link", name="Events").click()
    page.get_by_label("Pause").check()
    page.wait_for_timeout(300)
    listed = page.locator("#events details").count()
    model.reply(text("More."))
    thread.ask("Go on")
    thread.wait_for("Completed")
    page.wait_for_timeout(1500)
    assert page.locator("#events details").count() == listed
    page.get_by_label("Pause").uncheck()
    expect(page.locator("#events").get_by_text("thread.run.completed")).to_have_count(2)


def test_the_json_opens_where_what_is_looked_for_is(thread: Studio, page: Page) -> None:
    page.get_by_role("link", name="JSON").click()
    box = page.get_by_label("Search in the JSON")
    box.press_sequentially("truncation_str")
    expect(page.locator(".json mark")).to_have_text("truncation_strategy")
    expect(page.locator("#json-found")).to_have_text("1 found")
    expect(box).to_be_focused()

"""The composer: what its keys do, what it keeps, and the files it takes."""

import re

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, text


def test_enter_never_sends_what_is_still_being_composed(thread: Studio, page: Page) -> None:
    box = page.get_by_label("Message", exact=True)
    box.fill("你好")
    for event in (
        "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true})",
        "new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true})",
    ):
        box.evaluate(f"box => box.dispatchEvent({event})")
    box.dispatch_event("compositionstart")
    box.press("Enter")
    expect(page.locator(".msg--user")).to_have_count(1)
    box.dispatch_event("compositionend")
    box.press("Shift+Enter")
    assert "\n" in box.input_value()
    expect(page.locator(".msg--user")).to_have_count(1)


def test_enter_pressed_thrice_sends_once(thread: Studio, model: ChatServer, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    model.reply(text("Once."))
    box = page.get_by_label("Message", exact=True)
    box.fill("How often?")
    box.evaluate(
        """box => {
            for (let press = 0; press < 3; press++) {
                const init = {key: "Enter", bubbles: true, cancelable: true};
                box.dispatchEvent(new KeyboardEvent("keydown", init));
            }
        }"""
    )
    thread.wait_for("Completed")
    expect(page.locator(".run")).to_have_count(2)
    assert sent.count("POST") == 1
    expect(page.locator("#composer-error")).to_be_empty()


def test_enter_in_an_empty_composer_sends_nothing(thread: Studio, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    box = page.get_by_label("Message", exact=True)
    box.press("Enter")
    box.fill("  ")
    box.press("Enter")
    page.reload()
    expect(page.locator(".run")).to_have_count(1)
    assert "POST" not in sent


def test_the_up_arrow_brings_back_what_was_said_last(page: Page, thread: Studio) -> None:
    box = page.get_by_label("Message", exact=True)
    box.press("ArrowUp")
    expect(box).to_have_value("Hello")
    box.fill("Something else")
    box.press("ArrowUp")
    expect(box).to_have_value("Something else")


def test_who_sends_goes_on_in_the_composer(studio: Studio, model: ChatServer, page: Page) -> None:
    box = page.get_by_label("Message", exact=True)
    studio.make_assistant("Focus")
    expect(box).to_be_focused()
    model.reply(text("First."))
    studio.ask("The page moves to the thread")
    studio.wait_for("Completed")
    expect(box).to_be_focused()
    model.reply(text("Second."))
    box.fill("Sent by a button")
    page.get_by_role("button", name="Add and run").click()
    studio.wait_for("Completed")
    expect(box).to_be_focused()


def test_adding_without_a_run_then_running_alone(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    page.get_by_label("Message", exact=True).fill("One more thing")
    page.get_by_role("button", name="Add without run").click()
    expect(page.locator(".msg--user")).to_have_count(2)
    expect(page.locator(".run")).to_have_count(1)
    model.reply(text("Noted."))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".run")).to_have_count(2)
    thread.wait_for("Completed")
    assert thread.answer == "Noted."


def test_a_draft_outlives_the_page_and_belongs_to_its_thread(thread: Studio, page: Page) -> None:
    page.get_by_label("Message", exact=True).fill("Half a thou")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Half a thou")
    page.get_by_role("link", name="New thread").first.click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


DRAG = """([type, area]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["a,b"], "dropped.csv", {type: "text/csv"}));
    const effects = [];
    Object.defineProperty(dataTransfer, "dropEffect", {set: effect => effects.push(effect)});
    const event = new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true});
    return {taken: !document.querySelector(area).dispatchEvent(event), effects};
}"""
"""Hold a file over an area, or drop it: whether the page takes it from the browser, which would
leave the page for it, and what the pointer is told.
"""


@pytest.mark.parametrize("area", ["#log", "#setup", "#rail"])
def test_files_that_are_dropped_anywhere_are_attached(
    thread: Studio, page: Page, area: str
) -> None:
    assert page.evaluate(DRAG, ["dragover", area])["taken"]
    expect(page.get_by_text("Drop the files to attach them")).to_be_visible()
    assert page.evaluate(DRAG, ["drop", area])["taken"]
    expect(page.get_by_text("Drop the files to attach them")).to_be_hidden()
    expect(page.locator("#composer-files")).to_contain_text("dropped.csv")


def test_a_file_that_is_dropped_where_nothing_takes_one_changes_nothing(
    page: Page, ids: dict[str, str]
) -> None:
    page.goto("/assistants")
    for event in ("dragover", "drop"):
        assert page.evaluate(DRAG, [event, "main"]) == {"taken": True, "effects": ["none"]}
    expect(page).to_have_url(re.compile("/assistants$"))
    expect(page.locator("#drop-hint:not([hidden]), progress:not([hidden])")).to_have_count(0)
    # Where an area takes them, the page does not take them back.
    page.goto(f"/vector-stores/{ids['vector_store_id']}")
    assert page.evaluate(DRAG, ["dragover", "main"]) == {"taken": True, "effects": []}


def test_files_without_words_are_not_sent(thread: Studio, page: Page) -> None:
    data = FilePayload(name="a.csv", mimeType="text/csv", buffer=b"a\n1\n")
    page.locator("#composer input[type=file]").set_input_files(data)
    expect(page.locator("#composer-files")).to_contain_text("a.csv")
    expect(page.locator("#composer-files progress")).to_have_count(0)
    page.get_by_role("button", name="Add and run").click()
    expect(page.locator("#composer-error")).to_contain_text("Write what is to be done")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.locator(".run")).to_have_count(1)
    # Without the file there is nothing to complain of, and the keyboard goes on from there.
    page.locator("#composer-files button").press("Enter")
    expect(page.locator("#composer-error")).to_be_empty()
    expect(page.locator("#composer :focus")).to_have_count(1)


def test_a_file_that_could_not_go_up_can_be_tried_again(
    thread: Studio, page: Page, context: BrowserContext
) -> None:
    context.set_offline(True)
    notes = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"bread")
    page.locator("#composer [data-upload]").set_input_files(notes)
    item = page.locator("#composer-files > li")
    expect(item.get_by_role("button", name="Try again")).to_be_visible()
    context.set_offline(False)
    item.get_by_role("button", name="Try again").click()
    expect(page.locator("#composer-files [name=file_id]")).to_have_count(1)
    expect(item).to_have_count(1)
    # It waits for its message, whatever becomes of the page.
    page.reload()
    expect(item).to_contain_text("notes.txt")
    page.get_by_label("Message", exact=True).fill("Read it")
    page.get_by_role("button", name="Add without run").click()
    expect(page.locator(".msg--user").last).to_contain_text("notes.txt")
    page.reload()
    expect(item).to_have_count(0)

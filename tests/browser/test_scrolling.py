"""What of a thread is in sight: its end, until the reader wants to see something else."""

from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, text, until
from tests.until import until as until_true

LONG = "\n\n".join(f"Paragraph {number} of a long answer." for number in range(60))
BELOW = """() => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroller");
    return scrollHeight - scrollTop - clientHeight;
}"""
"""How much of the thread is below what is in sight, in pixels."""


def reaches_end(page: Page, least: int) -> None:
    """Fewer pixels than these are below, now or soon. Playwright's way to wait for what a script
    finds is refused by the page's Content Security Policy, where it is not so at once.
    """
    until_true(lambda: page.evaluate(BELOW) < least, "the end is not in sight", 15)


def test_the_page_follows_until_the_reader_scrolls_up(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    gate = Gate()
    model.reply(text(LONG), until(gate), text("\n\nThe very last words."))
    dot = page.locator("#jump .dot")
    thread.ask("Write a lot")
    scroller = page.locator("#scroller")
    expect(page.locator(".msg--assistant").last).to_contain_text("Paragraph 59")
    expect(page.locator("#jump")).to_be_hidden()
    reaches_end(page, 16)
    scroller.hover()
    page.mouse.wheel(0, -400)
    expect(page.locator("#jump")).to_be_visible()
    expect(dot).to_be_hidden()
    top = scroller.evaluate("box => box.scrollTop")
    gate.open()
    thread.wait_for("Completed")
    assert scroller.evaluate("box => box.scrollTop") == top
    expect(dot).to_be_visible()
    page.locator("#jump").click()
    reaches_end(page, 16)
    expect(page.locator("#jump")).to_be_hidden()


def test_the_end_key_follows_again(thread: Studio, model: ChatServer, page: Page) -> None:
    gate = Gate()
    model.reply(text(LONG), until(gate), text("\n\n" + LONG))
    thread.ask("Write a lot")
    expect(page.locator(".msg--assistant").last).to_contain_text("Paragraph 59")
    page.locator("#scroller").hover()
    page.mouse.wheel(0, -400)
    expect(page.locator("#jump")).to_be_visible()
    page.locator("#scroller").focus()
    page.keyboard.press("End")
    expect(page.locator("#jump")).to_be_hidden()
    gate.open()
    thread.wait_for("Completed")
    reaches_end(page, 16)


def test_the_end_is_followed_after_the_connection_was_broken(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("\n\n".join(f"Paragraph {number}" for number in range(60))))
    thread.ask("Tell much")
    thread.wait_for("Completed")
    reaches_end(page, 8)
    page.wait_for_timeout(300)
    page.evaluate("() => { document.querySelector('#connection').hidden = false; }")
    page.wait_for_timeout(300)
    # The notice goes, and what was missed comes before the page has heard of that.
    page.evaluate(
        """() => new Promise((done) => {
            const last = [...document.querySelectorAll("#log .prose")].at(-1);
            const notice = document.querySelector("#connection");
            new ResizeObserver((_, goes) => {
                if (!notice.hidden) return;
                goes.disconnect();
                for (let count = 0; count < 60; count++) {
                    last.append(document.createElement("p"));
                    last.lastElementChild.textContent = "more";
                }
                setTimeout(done, 500);
            }).observe(notice);
            notice.hidden = true;
        })"""
    )
    assert page.evaluate(BELOW) < 8


def test_a_composer_that_grows_leaves_the_end_in_sight(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text(LONG))
    thread.ask("Write a lot")
    thread.wait_for("Completed")
    reaches_end(page, 8)
    before = page.locator("#scroller").evaluate("box => box.clientHeight")
    page.get_by_label("Message", exact=True).fill("line\n" * 8)
    assert page.locator("#scroller").evaluate("box => box.clientHeight") < before - 50
    reaches_end(page, 8)
    expect(page.locator("#jump")).to_be_hidden()


def test_a_link_to_an_older_message_shows_it(
    page: Page, studio: Studio, api: OpenAI, model: ChatServer
) -> None:
    studio.make_assistant("Long memory")
    model.reply(text("Noted."))
    studio.ask("The last thing that is said")
    studio.wait_for("Completed")
    thread = api.beta.threads.create()
    for number in range(1, 101):
        said = f"Message number {number}."
        api.beta.threads.messages.create(thread.id, role="user", content=said)
    oldest = api.beta.threads.messages.list(thread.id, order="asc", limit=1).data[0].id
    page.goto(f"/threads/{thread.id}")
    expect(page.locator("#log")).to_contain_text("Message number 100.")
    assert page.locator(f"#{oldest}").count() == 0
    # As it was copied from the message while that was on the page.
    page.goto("/threads")
    page.goto(f"/threads/{thread.id}#{oldest}")
    expect(page.locator(f"#{oldest}")).to_be_in_viewport()
    assert page.locator(f"#{oldest}:target").count() == 1
    model.reply(text("Heard."))
    page.get_by_label("Message", exact=True).fill("From far back")
    page.get_by_role("button", name="Add and run").click()
    studio.wait_for("Completed")
    expect(page.locator("#log")).to_contain_text("Message number 100.")
    expect(page.locator(".msg--user").last).to_contain_text("From far back")

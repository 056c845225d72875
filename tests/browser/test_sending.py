"""A message on its way: seen at once, sent once, and kept where it could not be sent."""

import re
from collections.abc import Callable

from openai import OpenAI
from playwright.sync_api import BrowserContext, FilePayload, Page, Route, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, error, text, until
from tests.stack import Stack

AT_ONCE_MS = 100
TAKE_TIME = """() => {
    let pressed;
    addEventListener("keydown", () => (pressed = performance.now()), true);
    new MutationObserver(() => {
        const sending = document.querySelector("#sending[aria-busy=true]");
        if (sending) sessionStorage.took ||= performance.now() - pressed;
    }).observe(document.getElementById("log"), {childList: true});
}"""
"""From the press of a key until the message is on the page: `sessionStorage.took`, in ms."""


def at_once(page: Page, ask: Callable[[], None]) -> bool:
    """Whether what is asked was on the page at once. A busy machine may need three tries."""
    for _ in range(3):
        page.evaluate("sessionStorage.took = ''")
        ask()
        if float(page.evaluate("sessionStorage.took")) < AT_ONCE_MS:
            return True
    return False


def test_what_is_sent_is_seen_at_once_and_once_only(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    page.evaluate(TAKE_TIME)
    asked: list[str] = []

    def ask() -> None:
        model.reply(text("There."))
        asked.append(f"Number {len(asked)}")
        thread.ask(asked[-1])
        thread.wait_for("Completed")

    assert at_once(page, ask)
    for each in asked:
        expect(page.locator(".msg--user .said", has_text=each)).to_have_count(1)
    expect(page.locator("#sending")).to_have_count(0)


def test_the_first_message_of_a_thread_is_seen_at_once(
    studio: Studio, model: ChatServer, page: Page
) -> None:
    page.goto("/assistants")  # where its session is

    def ask() -> None:
        studio.make_assistant("Talker")
        page.evaluate(TAKE_TIME)
        model.reply(text("There."))
        page.get_by_label("Message", exact=True).fill("First of all")
        page.get_by_label("Message", exact=True).press("Enter")
        studio.wait_for("Completed")

    assert at_once(page, ask)
    expect(page.locator(".msg--user .said", has_text="First of all")).to_have_count(1)


def test_a_first_message_that_no_server_took_is_kept_until_its_thread_has_come(
    studio: Studio, model: ChatServer, page: Page, context: BrowserContext
) -> None:
    studio.make_assistant("Talker")
    address = page.url
    page.get_by_label("Message", exact=True).fill("My first words")
    context.set_offline(True)
    page.get_by_label("Message", exact=True).press("Enter")
    bubble = page.locator(".msg[data-state=failed]")
    expect(bubble).to_contain_text("Not sent")
    context.set_offline(False)
    page.route("**/threads/begin", lambda route: route.fulfill(status=503), times=1)
    with page.expect_response("**/threads/begin"):
        bubble.get_by_role("button", name="Retry").click()
    expect(bubble).to_contain_text("Not sent")
    assert page.url == address
    page.goto(address)
    expect(page.get_by_label("Message", exact=True)).to_have_value("My first words")
    context.set_offline(True)
    page.get_by_label("Message", exact=True).press("Enter")
    expect(bubble).to_contain_text("Not sent")
    context.set_offline(False)
    model.reply(text("At last."))
    bubble.get_by_role("button", name="Retry").click()
    studio.wait_for("Completed")
    page.goto(address)
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


def write_from_elsewhere(page: Page, api: OpenAI) -> None:
    """A message of somebody else, until it has come to this thread's page."""
    thread_id = re.findall(r"thread_\w+", page.url)[0]
    api.beta.threads.messages.create(thread_id, role="user", content="Meanwhile")
    expect(page.locator(".msg--user", has_text="Meanwhile")).to_be_visible()


def test_what_could_not_be_sent_is_kept(
    thread: Studio, model: ChatServer, page: Page, context: BrowserContext, api: OpenAI
) -> None:
    context.set_offline(True)
    page.get_by_label("Message", exact=True).fill("Into the void")
    page.get_by_role("button", name="Add and run").click()
    bubble = page.locator("[data-state=failed]", has_text="Into the void")
    expect(bubble).to_contain_text("Not sent")
    # Another does not take its place.
    page.get_by_label("Message", exact=True).fill("Second try")
    page.get_by_role("button", name="Add and run").click()
    second = page.locator("[data-state=failed]", has_text="Second try")
    expect(second).to_contain_text("Not sent")
    expect(bubble).to_be_visible()
    context.set_offline(False)
    write_from_elsewhere(page, api)
    expect(bubble).to_contain_text("Into the void")
    model.reply(text("It arrived."))
    bubble.get_by_role("button", name="Retry").click()
    expect(page.locator(".run")).to_have_count(2)
    thread.wait_for("Completed")
    expect(page.locator(".msg--user", has_text="Into the void")).to_have_count(1)
    expect(bubble).to_have_count(0)
    model.reply(text("So did this."))
    second.get_by_role("button", name="Retry").click()
    expect(page.locator(".run")).to_have_count(3)
    expect(second).to_have_count(0)
    expect(page.locator(".msg--user", has_text="Second try")).to_have_count(1)
    thread.wait_for("Completed")


def test_what_others_write_takes_no_message_away_that_is_on_its_way(
    thread: Studio, page: Page, api: OpenAI
) -> None:
    page.evaluate("() => { window.fetch = () => new Promise((_, no) => (window.fail = no)); }")
    page.get_by_label("Message", exact=True).fill("Into the void")
    page.get_by_role("button", name="Add and run").click()
    write_from_elsewhere(page, api)
    page.evaluate("fail()")
    failed = page.locator("article[data-state=failed]")
    expect(failed).to_contain_text("Not sent")
    expect(failed).to_contain_text("Into the void")


def test_what_is_refused_is_given_back(
    thread: Studio, model: ChatServer, page: Page, context: BrowserContext
) -> None:
    other = context.new_page()
    # The other tab is told of the run, but a person may be quicker.
    other.route(re.compile(r"/stream\?"), lambda route: route.abort())
    other.goto(page.url)
    gate = Gate()
    model.reply(text("Busy"), until(gate))
    thread.ask("Keep busy")
    data = FilePayload(name="a.csv", mimeType="text/csv", buffer=b"a\n1\n")
    other.locator("#composer input[type=file]").set_input_files(data)
    expect(other.locator("#composer-files")).to_contain_text("a.csv")
    expect(other.locator("#composer-files progress")).to_have_count(0)
    other.get_by_label("Message", exact=True).fill("Me too")
    other.get_by_role("button", name="Add and run").click()
    expect(other.locator("#composer-error")).to_contain_text("A run is active on this thread.")
    expect(other.get_by_label("Message", exact=True)).to_have_value("Me too")
    expect(other.locator("#composer-files")).to_contain_text("a.csv")
    expect(other.locator("#sending")).to_have_count(0)
    gate.open()
    thread.wait_for("Completed")
    model.reply(text("Now you."))
    other.get_by_role("button", name="Add and run").click()
    expect(other.locator("#composer-error")).to_be_empty()
    expect(other.locator(".run")).to_have_count(2)
    expect(page.locator(".msg--assistant").last).to_contain_text("Now you.")
    thread.wait_for("Completed")


def test_a_message_whose_answer_was_lost_is_sent_once(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    """It has arrived, and the stream brings it after the page has said that it was not sent."""
    model.reply(text("Here it is."))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/messages", hold)
    page.get_by_label("Message", exact=True).fill("Did this arrive?")
    page.get_by_label("Message", exact=True).press("Enter")
    expect(page.locator("#sending")).to_have_count(1)
    expect(page.get_by_text("Not sent")).to_be_hidden()
    while not held:
        page.wait_for_timeout(20)
    request = held[0].request
    held[0].abort()
    failed = page.locator("article[data-state=failed]")
    expect(failed.get_by_text("Not sent")).to_be_visible()
    page.unroute("**/messages")
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('draft:thread'))"
    assert page.evaluate(kept) != []
    page.context.request.post(
        request.url,
        headers={"Content-Type": request.headers["content-type"], "HX-Request": "true"},
        data=request.post_data_buffer,
    )
    thread.wait_for("Completed")
    expect(failed).to_have_count(0)
    expect(page.locator(".msg--user", has_text="Did this arrive?")).to_have_count(1)
    assert page.evaluate(kept) == []


def test_an_answer_that_comes_late_undoes_nothing_that_the_stream_has_told(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    page.evaluate(
        """() => {
            const sends = window.fetch;
            const released = new Promise(resolve => (window.release = resolve));
            window.fetch = async (...request) => {
                const answer = await sends(...request);
                await released;
                return answer;
            };
        }"""
    )
    model.otherwise(error(400, "The model is out of order."))
    thread.ask("Are you there?")
    thread.wait_for("Failed")
    page.evaluate("release()")
    expect(page.locator("#composer:not([data-sent])")).to_be_visible()
    expect(page.locator(".run .chip").last).to_have_text("Failed", timeout=1)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.locator(".run")).to_have_count(2)


def test_of_two_equal_messages_the_one_that_failed_stays_until_it_is_sent(
    thread: Studio, page: Page, context: BrowserContext, stack: Stack
) -> None:
    message = page.get_by_label("Message", exact=True)
    add = page.get_by_role("button", name="Add without run")
    message.fill("Yes")
    add.click()
    said = page.locator(".msg--user .said", has_text="Yes")
    expect(page.locator(".msg--user[data-into]", has_text="Yes")).to_have_count(1)
    expect(page.locator("#composer:not([data-sent])")).to_be_visible()
    context.set_offline(True)
    message.fill("Yes")
    add.click()
    failed = page.locator("article[data-state=failed]")
    expect(failed).to_contain_text("Not sent")
    context.set_offline(False)
    with OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1") as client:
        thread_id = re.findall(r"thread_\w+", page.url)[0]
        client.beta.threads.messages.create(thread_id, role="user", content="Yes")
    expect(said).to_have_count(3)
    expect(failed).to_contain_text("Not sent")
    failed.get_by_role("button", name="Retry").click()
    expect(failed).to_have_count(0)
    expect(page.locator(".msg--user[data-into]", has_text="Yes")).to_have_count(3)
    expect(said).to_have_count(3)


def test_a_message_that_arrived_unheard_of_can_be_sent_once_more(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    """Its answer was lost, and the stream is not there either."""
    model.reply(text("Here it is."))
    page.route("**/stream?*", lambda route: route.abort())
    page.reload()

    def lose(route: Route) -> None:
        page.unroute("**/messages")
        route.fetch()
        route.abort()

    page.route("**/messages", lose)
    page.get_by_label("Message", exact=True).fill("Did this arrive?")
    page.get_by_label("Message", exact=True).press("Enter")
    failed = page.locator("article[data-state=failed]")
    expect(failed).to_contain_text("Not sent")
    page.unroute("**/stream?*")
    failed.get_by_role("button", name="Retry").click()
    expect(failed).to_have_count(0)
    # Its own, beside that of the thread's first message.
    expect(page.locator(".run")).to_have_count(2)
    thread.wait_for("Completed")
    expect(page.locator(".msg--assistant", has_text="Here it is.")).to_have_count(1)
    expect(page.locator(".msg--user", has_text="Did this arrive?")).to_have_count(1)
    expect(page.locator(".run")).to_have_count(2)


def test_a_refusal_that_looks_like_html_is_told_as_it_is(
    thread: Studio, page: Page, api: OpenAI
) -> None:
    name = '<p id="log"><i hx-get="/settings" hx-trigger="load" hx-target="#rail">Gone</i></p>'
    assistant = api.beta.assistants.create(name=name, model="played")
    page.goto(f"{page.url.partition('?')[0]}?assistant={assistant.id}")
    data = FilePayload(name="a.csv", mimeType="text/csv", buffer=b"a\n1\n")
    page.locator("#composer input[type=file]").set_input_files(data)
    expect(page.locator("#composer-files")).to_contain_text("a.csv")
    expect(page.locator("#composer-files progress")).to_have_count(0)
    page.get_by_label("Message", exact=True).fill("Look")
    page.get_by_role("button", name="Add and run").click()
    expect(page.locator("#composer-error")).to_contain_text(f"{name} cannot read a.csv")
    expect(page.locator("#log")).to_contain_text("Hello")
    expect(page.locator("i[hx-get]")).to_have_count(0)

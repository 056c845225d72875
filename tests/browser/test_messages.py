"""Messages and answers: how they are shown, and what can be done with them."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, text, tool_call


def test_nothing_in_a_message_can_run(thread: Studio, model: ChatServer, page: Page) -> None:
    attack = (
        "<img src=x onerror=\"document.title='broken'\"> <script>document.title='broken'</script> "
        "[x](javascript:document.title='broken') ![y](https://evil.example/pixel.png) "
        "<svg onload=\"document.title='broken'\">"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    model.reply(text(attack))
    thread.ask(attack)
    thread.wait_for("Completed")
    page.reload()
    expect(page.locator(".msg--assistant").last).to_contain_text("onerror")
    assert "broken" not in page.title()
    assert not [url for url in asked if "evil.example" in url]
    assert page.locator("#log img, #log script, #log a[href^=javascript]").count() == 0


def test_an_answer_in_hebrew_begins_on_the_right(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("שלום עולם\n\nIn English.\n\n- אחת\n- שתיים\n\n```\nprint(1)\n```"))
    thread.ask("Say it in Hebrew")
    thread.wait_for("Completed")
    answer = page.locator(".msg--assistant .prose").last
    # Where the words of each block are within the answer: near its start or its end.
    at_right = """(box, of) => {
        const words = document.createRange();
        words.selectNodeContents(box.querySelector(of));
        const { left, right } = words.getBoundingClientRect();
        const whole = box.getBoundingClientRect();
        return whole.right - right < left - whole.left;
    }"""
    assert answer.evaluate(at_right, "p:nth-of-type(1)")
    assert not answer.evaluate(at_right, "p:nth-of-type(2)")
    assert answer.evaluate(at_right, "li")
    assert answer.locator("ul").evaluate("list => getComputedStyle(list).direction") == "rtl"
    assert not answer.evaluate(at_right, "pre code")


def test_a_long_name_takes_two_lines_above_an_answer(
    studio: Studio, model: ChatServer, page: Page
) -> None:
    name = "Assistant of many words " * 8
    studio.make_assistant(name.strip())
    model.reply(text("Hello."))
    studio.ask("Hello")
    studio.wait_for("Completed")
    heading = page.locator(".msg--assistant h2")
    assert heading.bounding_box()["height"] < 50  # type: ignore[index]
    expect(heading).to_have_attribute("title", name.strip())


def test_what_stands_beside_an_answer_is_in_line_with_it(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("Hello again."))
    page.get_by_role("button", name="Regenerate").click()
    switch = page.get_by_role("group", name="Versions of this answer")
    expect(switch).to_contain_text("2/2")
    thread.wait_for("Completed")
    left = "one => one.getBoundingClientRect().left"
    away = switch.evaluate(left) - page.locator(".msg__tools").last.evaluate(left)
    assert abs(away) < 8
    later = switch.get_by_role("link", name="Later version")
    # Of one that leads nowhere no more is drawn than of one that does.
    expect(later).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(later).to_have_css("border-color", "rgba(0, 0, 0, 0)")
    expect(switch.locator(".btn")).to_have_count(2)


def test_code_that_raises_an_error_is_seen_at_its_step(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(tool_call("code_interpreter", {"code": "print('so far')\n1 / 0"}))
    model.reply(text("That did not work."))
    thread.ask("Divide by nothing")
    thread.wait_for("Completed")
    step = page.locator(".step--failed")
    expect(step).to_contain_text("raised ZeroDivisionError")
    expect(step).to_contain_text("so far")
    expect(page.locator("#inspect")).to_contain_text("The code raised ZeroDivisionError")


def test_a_figure_is_shown_once_and_opens_from_its_step_too(studio: Studio, page: Page) -> None:
    studio.make_assistant("Plotter", model="demo")
    studio.ask("Create a visualization of a sinewave")
    studio.wait_for("Completed")
    for _ in range(2):
        expect(page.locator("#log img")).to_have_count(1)
        expect(page.locator(".msg--assistant img")).to_be_visible()
        page.locator(".step [hx-target='#dialog']").click()
        expect(page.locator("#dialog img")).to_be_visible()
        page.keyboard.press("Escape")
        page.reload()


def test_copying_the_code_of_an_answer(
    thread: Studio, model: ChatServer, page: Page, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.reply(text("```python\nprint('<5>')\n```\n"))
    thread.ask("Some code")
    thread.wait_for("Completed")
    page.locator(".msg--assistant").last.locator(".code").get_by_role("button").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "print('<5>')"


def test_an_answer_is_regenerated_in_its_place(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("Hello again."))
    page.get_by_role("button", name="Regenerate").click()
    switch = page.get_by_role("group", name="Versions of this answer")
    expect(switch).to_contain_text("2/2")
    expect(page.locator(".run")).to_have_count(1)
    expect(page.locator(".msg--assistant .prose")).to_have_text("Hello again.")
    # The earlier one is kept, and shown in its place by a switch that keeps the focus.
    before = switch.get_by_role("link", name="Earlier version")
    before.focus()
    page.keyboard.press("Enter")
    expect(switch).to_contain_text("1/2")
    expect(page.locator(".msg--assistant .prose")).to_have_text("Hello there.")
    expect(page.locator(".run")).to_have_count(1)
    expect(before).to_be_focused()
    shown = page.locator("#log > *").evaluate_all("all => all.map((one) => one.className)")
    assert shown == ["msg msg--user", "turn", "msg msg--assistant", ""]
    switch.get_by_role("link", name="Later version").click()
    expect(page.locator(".msg--assistant .prose")).to_have_text("Hello again.")
    page.reload()
    expect(page.locator(".msg--assistant")).to_have_count(1)
    expect(page.locator(".run")).to_have_count(1)


def test_a_message_is_edited_and_run_in_a_copy(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    before = page.url
    model.reply(text("Good morning."))
    page.locator(".msg--user").hover()
    page.locator(".msg--user").get_by_role("link", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Message").fill("Good morning")
    dialog.get_by_role("button", name="Run in a copy").click()
    expect(page.locator(".msg--user .said")).to_have_text("Good morning")
    thread.wait_for("Completed")
    assert thread.answer == "Good morning."
    assert page.url.partition("?")[0] != before.partition("?")[0]
    page.goto(before)
    assert thread.answer == "Hello there."


def test_messages_are_deleted_and_linked_to(thread: Studio, page: Page) -> None:
    answer = page.locator(".msg--assistant")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer.get_by_role("link", name="Link").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"#{answer.get_attribute('id')}")
    page.goto(link)
    answer.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete message").click()
    expect(page.locator(".msg--user")).to_be_visible()
    expect(page.locator(".msg--assistant")).to_have_count(0)


def test_on_paper_is_what_was_said(thread: Studio, model: ChatServer, page: Page) -> None:
    model.reply(text("Hello, paper."))
    thread.ask("Hello")
    thread.wait_for("Completed")
    page.emulate_media(media="print")
    expect(page.get_by_text("Hello, paper.")).to_be_visible()
    for part in ("rail", "composer", "setup", "inspect"):
        expect(page.locator(f"#{part}")).to_be_hidden()
    expect(page.locator(".btn:visible")).to_have_count(0)

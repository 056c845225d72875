"""Every page, as it has to be for everybody: narrow, without scripts, by keyboard. More of that is
in ``test_accessibility.py``.
"""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, FilePayload, Locator, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, error, text, until
from tests.stack import Stack

ANSWER = """# A *rich* answer

Some text with `code`, a [link](https://example.org) and \\( x^2 \\).

```python
def f(x):
    return x * 2  # a comment that makes this line long enough to be wider than any narrow screen
```

| quantity | value |
|----------|------:|
| a        | 1     |

> A quotation.
"""


@pytest.fixture(scope="module")
def addresses(browser: Browser, stack: Stack) -> list[str]:
    """One page of each kind, filled with something of everything."""
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    page.goto(stack.login_path)
    studio, model = Studio(page), stack.chat
    model.forget()
    studio.make_assistant("An assistant with a rather long name for a narrow screen")
    model.reply(text(ANSWER))
    studio.ask("Show me everything" + " and more" * 20)
    studio.wait_for("Completed")
    model.otherwise(error(400, "Out of order."))
    studio.ask("And now fail")
    studio.wait_for("Failed")
    thread = page.url.partition("?")[0]
    model.forget()
    page.goto("/assistants")
    assistant = page.locator(".card a[aria-label^=Edit]").first.get_attribute("href")
    context.close()
    return [
        "/login",
        "/assistants",
        "/assistants/new",
        "/files",
        "/vector-stores",
        f"{assistant}",
        f"{assistant}/delete",
        f"{assistant}/instructions",
        "/assistants/import",
        "/settings/providers/new?like=azure",
        "/threads",
        "/threads?q=zebra",
        "/threads/new",
        thread,
        f"{thread}?tab=events",
        f"{thread}?tab=json",
        f"{thread}?tab=code",
        f"{thread}?tab=usage",
        f"{thread}/rename",
        "/settings",
        "/nothing/here",
    ]


@pytest.mark.looks
def test_nothing_is_wider_than_a_narrow_screen(page: Page, addresses: list[str]) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    for address in addresses:
        page.goto(address)
        tabs: list[Locator | None] = [*page.locator(".tabbar [data-panel]").all()]
        for tab in tabs or [None]:
            if tab is not None:
                tab.click()
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, address
            hidden = page.evaluate(
                "[...document.querySelectorAll('main button, main a.btn, main .input')]"
                ".filter(e => e.offsetParent && !e.closest('pre, .table-wrap, .tabs'))"
                ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
                ".map(e => e.outerHTML.slice(0, 80))"
            )
            assert hidden == [], address


def test_the_whole_way_without_a_script(browser: Browser, stack: Stack, model: ChatServer) -> None:
    context = browser.new_context(
        base_url=stack.url,
        java_script_enabled=False,
        viewport={"width": 1400, "height": 900},
    )
    page = context.new_page()
    page.goto(stack.login_path)
    page.goto("/assistants/new")
    page.get_by_label("Name", exact=True).fill("No scripts here")
    page.get_by_label("Model").select_option("played")
    data = FilePayload(name="a.csv", mimeType="text/csv", buffer=b"a\n1\n")
    page.locator("#assistant-attach input").set_input_files(data)
    page.get_by_role("button", name="Create assistant").click()
    model.reply(text("It **works**."))
    page.get_by_label("Message", exact=True).fill("Does it work?")
    page.get_by_role("button", name="Add and run").click()
    expect(page).to_have_url(re.compile(r"/threads/thread_"))
    for _ in range(50):
        page.wait_for_timeout(200)
        page.reload()
        if page.locator(".run .chip").inner_text() == "Completed":
            break
    expect(page.locator(".msg--assistant strong")).to_have_text("works")
    expect(page.locator("#assistant-files")).to_contain_text("a.csv")
    page.get_by_role("link", name="Usage").click()
    expect(page.locator("#inspect")).to_contain_text("Tokens by run")
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_label("Name", exact=True).fill("Renamed without a script")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text("Saved.")
    context.close()


@pytest.mark.parametrize("width", [360, 1400])
def test_without_a_script_files_have_their_place_and_a_run_can_be_followed_by_reloading(
    browser: Browser, stack: Stack, model: ChatServer, width: int
) -> None:
    context = browser.new_context(
        base_url=stack.url, java_script_enabled=False, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    page.goto(stack.login_path)
    page.goto("/assistants/new")
    page.get_by_label("Name", exact=True).fill("By reloading")
    page.get_by_label("Model").select_option("played")
    page.get_by_role("button", name="Create assistant").click()
    gate = Gate()
    model.reply(text("It takes "), until(gate), text("its time."))
    page.get_by_label("Message", exact=True).fill("Slowly")
    page.get_by_role("button", name="Add and run").click()
    for panel, frame in (("setup", "#assistant-form"), ("chat", ".composer__box")):
        page.goto(f"{page.url.partition('?')[0]}?panel={panel}")
        outer = page.locator(frame).bounding_box()
        inner = page.locator(f"{frame} input[type=file]").first.bounding_box()
        assert outer
        assert inner
        assert outer["x"] <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        assert outer["y"] <= inner["y"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
    gate.open()
    for _ in range(50):
        again = page.get_by_role("link", name="Reload the page")
        if not again.count():
            break
        again.click()
        page.wait_for_timeout(200)
    expect(page.locator(".msg--assistant")).to_contain_text("It takes its time.")
    expect(page.locator(".run .chip")).to_have_text("Completed")
    context.close()


def test_a_message_can_be_sent_by_keyboard_alone(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    studio.make_assistant("Keys")
    page.goto("/threads")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    for name in ("Share links", "Import", "New thread"):
        page.keyboard.press("Tab")
        expect(page.locator("main").get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    model.reply(text("Heard."))
    page.keyboard.type("Only keys")
    page.keyboard.press("Enter")
    studio.wait_for("Completed")
    assert page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0


def test_the_theme_changes_at_once_and_stays(page: Page, addresses: list[str]) -> None:
    page.goto("/settings")
    root = page.locator("html")
    page.get_by_role("button", name="Dark").click()
    expect(root).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.goto("/threads")
    expect(root).to_have_attribute("data-theme", "dark")
    page.goto("/settings")
    page.get_by_role("button", name="As the system").click()
    expect(root).not_to_have_attribute("data-theme", re.compile("."))


def test_settings_show_what_code_may_import(page: Page, addresses: list[str]) -> None:
    page.goto("/settings")
    packages = page.get_by_role("region", name="Packages for code").get_by_role("listitem")
    expect(packages.first).to_contain_text("numpy")
    assert packages.count() > 10


def test_changes_of_an_assistant_save_themselves(page: Page, studio: Studio) -> None:
    studio.make_assistant("Draft name")
    name = page.get_by_label("Name", exact=True)
    name.fill("Better name")
    expect(page.locator("#assistant-saved")).to_have_text(re.compile(r"Saved \d\d:\d\d"))
    page.reload()
    expect(name).to_have_value("Better name")
    name.fill("")
    expect(page.locator("#assistant-saved")).to_have_text("Not saved")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#assistant-name-error")).to_contain_text("Give it a name")
    name.fill("Best name")
    expect(page.locator("#assistant-saved")).to_have_text(re.compile("Saved"))
    expect(page.locator("#assistant-name-error")).to_have_count(0)


def test_what_could_not_be_saved_is_said_is_not_left_by_accident_and_is_saved_by_itself(
    page: Page, studio: Studio
) -> None:
    studio.make_assistant("Keeper", model="demo")
    saved = page.locator("#assistant-saved")
    page.context.set_offline(True)
    page.get_by_label("Description").press_sequentially("Written offline")
    expect(saved).to_contain_text("Not saved")
    # What leaves the field is tried once more by itself: later, it would find the server again.
    with page.expect_event("requestfailed"):
        page.get_by_label("Description").blur()
    expect(saved).to_contain_text("Not saved")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="Files", exact=True).click()
    expect(page.get_by_label("Description")).to_have_value("Written offline")
    assert asked == ["beforeunload"]
    # A run would have the setup as it was, which stands where one is begun.
    hint = page.get_by_text("a run has what was saved last")
    expect(hint).to_be_visible()
    expect(saved.get_by_role("button", name="Retry saving")).to_be_visible()
    page.context.set_offline(False)
    expect(saved).to_contain_text(re.compile(r"Saved \d\d:\d\d"))
    expect(hint).to_be_hidden()
    page.reload()
    expect(page.get_by_label("Description")).to_have_value("Written offline")
    assert asked == ["beforeunload"]


def test_what_the_server_refuses_is_not_left_by_accident(
    page: Page, studio: Studio, context: BrowserContext
) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    studio.make_assistant("Refused", model="demo")
    other = context.new_page()
    other.goto(page.url)
    saved = page.locator("#assistant-saved")
    hint = page.get_by_text("a run has what was saved last")
    page.get_by_role("button", name="Add function").click()
    editor = page.locator("textarea[name=function]")
    right = editor.input_value()
    editor.press("End")
    editor.press_sequentially("{")
    expect(saved).to_have_text("Not saved")
    expect(hint).to_be_visible()
    page.get_by_role("link", name="Files", exact=True).click()
    expect(editor).to_be_visible()
    assert asked == ["beforeunload"]
    editor.fill(right)
    expect(saved).to_have_text(re.compile(r"Saved \d\d:\d\d"))
    expect(hint).to_be_hidden()
    # Nor is what somebody else was quicker with.
    other.get_by_label("Description").fill("Quicker")
    expect(other.locator("#assistant-state")).to_contain_text("The change is by owner")
    expect(other.get_by_text("a run has what was saved last")).to_be_visible()
    other.on("dialog", stay)
    other.get_by_label("Description").press_sequentially("!")
    other.get_by_role("link", name="Files", exact=True).click()
    expect(other.get_by_label("Description")).to_have_value("Quicker!")
    assert asked == ["beforeunload"] * 2
    other.get_by_role("button", name="Save mine instead").click()
    expect(other.locator("#assistant-saved")).to_have_text(re.compile(r"Saved \d\d:\d\d"))
    other.reload()
    expect(other.get_by_label("Description")).to_have_value("Quicker!")
    assert asked == ["beforeunload"] * 2


def test_an_edit_of_what_was_deleted_is_refused_in_a_dialog_that_closes(
    page: Page, studio: Studio, context: BrowserContext
) -> None:
    studio.make_assistant("Doomed", model="demo")
    other = context.new_page()
    other.goto("/assistants")
    other.get_by_role("link", name="Delete Doomed").click()
    other.get_by_role("button", name="Delete assistant").click()
    expect(other.get_by_text("Doomed was deleted")).to_be_visible()
    page.get_by_label("Description").fill("Too late")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The assistant has been deleted")
    expect(page.locator("#assistant-saved")).to_have_text("Not saved")
    dialog.get_by_role("button", name="Close").first.click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Description")).to_have_value("Too late")


def test_a_number_and_its_slider_say_the_same(page: Page, studio: Studio) -> None:
    studio.make_assistant("Slider", model="demo")
    number = page.get_by_role("spinbutton", name="Temperature").first
    slider = page.get_by_role("slider", name="Temperature, as a slider")
    number.fill("0.5")
    expect(slider).to_have_value("0.5")
    slider.fill("1.5")
    expect(number).to_have_value("1.5")


def test_two_tabs_never_write_over_each_other(
    page: Page, studio: Studio, context: BrowserContext
) -> None:
    studio.make_assistant("Shared")
    other = context.new_page()
    other.goto(page.url)
    page.get_by_label("Description").fill("From the first tab")
    expect(page.locator("#assistant-saved")).to_have_text(re.compile("Saved"))
    other.get_by_label("Description").fill("From the second tab")
    expect(other.locator("#assistant-state")).to_contain_text("Changed elsewhere")
    # Nor does whoever goes on typing beside the notice.
    with other.expect_response(lambda answer: answer.request.method == "POST") as answered:
        other.get_by_label("Description").fill("From the second tab, and more")
    assert answered.value.status == 409
    page.reload()
    expect(page.get_by_label("Description")).to_have_value("From the first tab")


def test_files_of_an_assistant_come_and_go(page: Page, studio: Studio) -> None:
    studio.make_assistant("Files")
    data = FilePayload(name="table.csv", mimeType="text/csv", buffer=b"a\n1\n")
    for _ in range(2):
        # The same file can be added again after it was removed.
        page.locator("#assistant-attach input").set_input_files(data)
        item = page.locator("#assistant-files .file")
        expect(item).to_contain_text("table.csv")
        expect(page.locator("#assistant-saved")).to_have_text(re.compile("Saved"))
        page.reload()
        expect(item).to_contain_text("table.csv")
        page.get_by_role("button", name="Remove table.csv").click()
        expect(item).to_have_count(0)
        expect(page.locator("#assistant-saved")).to_have_text(re.compile("Saved"))
        page.reload()
        expect(item).to_have_count(0)


def test_a_picture_can_be_pasted_and_taken_out_again(page: Page, studio: Studio) -> None:
    studio.make_assistant("Paste")
    page.get_by_label("Message", exact=True).evaluate(
        """box => {
            const data = new DataTransfer();
            const parts = ["GIF89a", new Uint8Array(3000)];
            data.items.add(new File(parts, "shot.png", {type: "image/png"}));
            const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true,
                                                       cancelable: true});
            box.dispatchEvent(event);
        }"""
    )
    item = page.locator("#composer-files .file")
    expect(item).to_contain_text("shot.png")
    expect(item).to_contain_text("3.0 kB")
    page.get_by_role("button", name="Remove shot.png").click()
    expect(item).to_have_count(0)


def width_of(page: Page, part: str) -> float:
    return float(page.locator(part).evaluate("node => node.getBoundingClientRect().width"))


def test_panels_can_be_put_away_and_stay_away(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    page.set_viewport_size({"width": 1400, "height": 800})
    studio.make_assistant("Panels")
    rail = width_of(page, ".rail")
    inspector = width_of(page, "#inspect")
    page.get_by_role("button", name="Hide setup").click()
    assert width_of(page, "#chat") == 1400 - rail - inspector
    page.get_by_role("button", name="Hide inspector").click()
    assert width_of(page, "#chat") == 1400 - rail
    page.reload()
    expect(page.locator("#setup")).to_be_hidden()
    expect(page.locator("#inspect")).to_be_hidden()
    page.get_by_role("button", name="Show setup").click()
    page.get_by_role("button", name="Show inspector").click()
    expect(page.locator("#setup")).to_be_visible()
    expect(page.locator("#inspect")).to_be_visible()


def test_on_a_middle_screen_the_inspector_is_a_drawer(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    page.set_viewport_size({"width": 900, "height": 800})
    studio.make_assistant("Drawer")
    model.reply(text("Hello."))
    studio.ask("Hello")
    studio.wait_for("Completed")
    expect(page.locator("#inspect")).to_be_hidden()
    page.get_by_role("link", name="Inspect", exact=True).click()
    expect(page.locator("#inspect")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#inspect")).to_be_hidden()


def test_while_a_run_is_active_the_page_can_be_left_and_found_again(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    gate = Gate()
    studio.make_assistant("Patient")
    model.reply(text("Half"), until(gate), text(" and half."))
    studio.ask("Take your time")
    expect(page.locator(".msg--assistant")).to_contain_text("Half")
    page.goto("/threads")
    gate.open()
    page.locator(".line__main").first.click()
    studio.wait_for("Completed")
    assert studio.answer == "Half and half."


def test_times_are_shown_as_the_persons_clock_has_them(
    browser: Browser, stack: Stack, model: ChatServer
) -> None:
    context = browser.new_context(base_url=stack.url, timezone_id="Pacific/Kiritimati")
    page = context.new_page()
    page.goto(stack.login_path)
    studio = Studio(page)
    studio.make_assistant("Far away")
    model.reply(text("Aloha."))
    studio.ask("What time is it?")
    studio.wait_for("Completed")
    shown = page.locator(".msg__time").last
    clock = "value => new Date(value).toTimeString().slice(0, 5)"
    moment = shown.get_attribute("datetime")
    assert shown.inner_text() == page.evaluate(clock, moment)
    page.reload()
    expect(shown).to_have_text(page.evaluate(clock, moment))
    context.close()


def test_a_new_assistant_is_not_left_by_accident(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto("/assistants/new")
    page.get_by_label("Name", exact=True).press_sequentially("Half")
    page.get_by_role("link", name="Files").first.click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half")
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Create assistant").click()
    expect(page.get_by_role("heading", name="Ask Half")).to_be_visible()
    assert asked == ["beforeunload"]


def test_enter_in_a_field_of_a_new_assistant_makes_it(page: Page) -> None:
    page.goto("/assistants/new")
    page.get_by_label("Name").fill("Made by Enter")

    page.get_by_label("Name").press("Enter")

    expect(page.locator("#draft")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Made by Enter")


def test_what_is_taken_out_of_the_composer_is_no_file_any_more(page: Page, studio: Studio) -> None:
    studio.make_assistant("Taking back")
    given = FilePayload(name="taken back.csv", mimeType="text/csv", buffer=b"a,b\n1,2\n")
    page.get_by_label("Attach files").set_input_files(given)
    expect(page.locator("#composer-files .file__meta")).to_have_text("8 B")
    with page.expect_response(lambda response: response.url.endswith("/discard")):
        page.get_by_role("button", name="Remove taken back.csv").click()
    page.goto("/files?q=taken")
    expect(page.get_by_role("heading", name="No file matches “taken”")).to_be_visible()


def test_a_file_is_found_and_deleted_on_its_page(page: Page, studio: Studio) -> None:
    studio.make_assistant("Attaching")
    given = FilePayload(name="wind.csv", mimeType="text/csv", buffer=b"a,b\n1,2\n")
    page.get_by_label("Attach files").set_input_files(given)
    expect(page.locator("#composer-files .file__meta")).to_have_text("8 B")
    page.get_by_role("link", name="Files", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text="wind.csv")
    expect(row).to_contain_text("8 B Assistants")
    with page.expect_download() as downloaded:
        row.get_by_role("link", name="Download").click()
    assert downloaded.value.suggested_filename == "wind.csv"
    row.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete file").click()
    expect(page.get_by_role("status")).to_contain_text(["", "wind.csv was deleted."])
    page.reload()
    expect(row).to_have_count(0)


def test_files_are_uploaded_on_their_page(page: Page) -> None:
    page.goto("/files")
    names = "north.csv", "south.csv"
    given = [FilePayload(name=name, mimeType="text/csv", buffer=b"a\n") for name in names]
    page.get_by_label("Upload files").set_input_files(given)
    rows = page.get_by_role("list", name="Files").get_by_role("listitem")
    for name in names:
        expect(rows.filter(has_text=name)).to_contain_text("2 B")
    expect(page.locator("#files-sent > li")).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search files")).to_be_visible()
    # What is not taken says why, and can be put away.
    page.route("**/files?as=listed", lambda route: route.fulfill(status=413))
    page.get_by_label("Upload files").set_input_files(given[0])
    refused = page.locator("#files-sent > li")
    expect(refused).to_contain_text("north.csv")
    expect(refused.get_by_role("alert")).not_to_be_empty()
    refused.get_by_role("button", name="Remove").click()
    expect(refused).to_have_count(0)


def test_on_a_phone_the_thread_is_renamed_and_deleted_from_its_own_page(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    studio.make_assistant("On the way")
    model.reply(text("Here."))
    studio.ask("Something to rename")
    studio.wait_for("Completed")
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Rename thread").click()
    page.get_by_label("Title").fill("Renamed on a phone")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.locator("#topbar-title")).to_have_text("Renamed on a phone")
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Delete thread").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete thread").click()
    expect(page.get_by_role("heading", name="Threads")).to_be_visible()
    expect(page.get_by_role("link", name="Renamed on a phone")).to_have_count(0)

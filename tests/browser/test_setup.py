"""The setup panel and the providers' page, as a person uses them."""

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DEMO, Studio
from tests.chat_server import ChatServer, text, tool_call
from tests.stack import Stack


def open_setup(page: Page, studio: Studio, name: str) -> None:
    studio.make_assistant(name, model=DEMO)
    page.goto("/assistants")
    page.get_by_role("link", name=f"Edit {name}").click()


def test_a_function_is_added_broken_and_mended(page: Page, studio: Studio) -> None:
    open_setup(page, studio, "Forecaster")
    saved = page.locator("#assistant-saved")
    page.get_by_role("button", name="Add the sample get_weather").click()
    editor = page.get_by_role("textbox", name="Function get_weather, as JSON")
    expect(editor).to_be_visible()
    right = editor.input_value()
    editor = page.locator("textarea[name=function]")
    editor.fill(right.replace('"string",', '"string"', 1))
    expect(page.get_by_text("Line 9, column 9: expected a comma.")).to_be_visible()
    expect(saved).to_contain_text("Not saved")
    expect(editor).to_be_focused()
    editor.fill(right)
    expect(saved).to_contain_text("Saved")
    page.reload()
    assert json.loads(editor.input_value())["name"] == "get_weather"


def test_a_function_is_made_of_an_example_call_and_removed(page: Page, studio: Studio) -> None:
    open_setup(page, studio, "Caller")
    page.get_by_role("button", name="Add function").click()
    page.get_by_label("From an example call").fill('find(what="bread", near=True)')
    page.get_by_role("button", name="Make function").click()
    expect(page.locator("#assistant-functions summary")).to_have_count(2)
    page.get_by_role("button", name="Remove my_function").press("Enter")
    expect(page.locator("#assistant-functions summary")).to_have_count(1)
    # The keyboard goes on from there.
    expect(page.locator("#assistant-functions :focus")).to_have_count(1)
    written = page.locator("textarea[name=function]").input_value()
    assert json.loads(written)["parameters"]["required"] == ["what", "near"]


def test_instructions_are_written_with_all_the_room_there_is(page: Page, studio: Studio) -> None:
    open_setup(page, studio, "Writer")
    page.get_by_role("link", name="Expand").click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_role("textbox", name="Instructions")
    expect(box).to_be_focused()
    size, window = box.bounding_box(), page.viewport_size
    assert size
    assert window
    assert size["height"] > window["height"] * 0.6
    box.fill("Write short sentences.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#assistant-instructions")).to_have_value("Write short sentences.")


def test_the_schema_of_an_answer_shows_when_it_is_wanted(page: Page, studio: Studio) -> None:
    open_setup(page, studio, "Former")
    schema = page.get_by_label("Schema of the answer")
    expect(schema).to_be_hidden()
    page.get_by_label("Response format").select_option("json_schema")
    expect(schema).to_be_visible()
    expect(page.get_by_text("together with functions only")).to_be_visible()
    expect(page.locator("#assistant-saved")).to_contain_text("Saved")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_schema_of_a_new_assistants_answer_shows_when_it_is_wanted(
    browser: Browser, stack: Stack, scripts: bool
) -> None:
    context = browser.new_context(base_url=stack.url, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(stack.login_path)
    page.goto("/assistants/new")
    schema = page.get_by_label("Schema of the answer")
    expect(schema).to_be_hidden()
    page.get_by_label("Response format").select_option("json_schema")
    expect(schema).to_be_visible()
    page.get_by_label("Response format").select_option("text")
    expect(schema).to_be_hidden()
    context.close()


def test_a_provider_is_tested_connected_and_answers_at_once(
    page: Page, studio: Studio, model: ChatServer
) -> None:
    page.goto("/settings/providers/new?like=ollama")
    page.get_by_label("Name", exact=True).fill("My desk")
    page.get_by_label("Address").fill(model.url)
    key = page.get_by_label("API key")
    key.fill("sk-typed-once-only")
    page.get_by_label("Name of model 1").fill("fresh")
    model.reply(tool_call("ping", {}))
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Function calls work.")).to_be_visible()
    expect(key).to_have_value("sk-typed-once-only")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", name="My desk")).to_be_visible()
    try:
        # The worker has been running all the time.
        studio.make_assistant("Fresh", model="fresh")
        model.reply(text("Fresh bread"))
        studio.ask("What is there?")
        studio.wait_for("Completed")
        assert studio.answer == "Fresh bread"
    finally:
        page.goto("/settings")
        page.get_by_role("link", name="Edit My desk").click()
        expect(page.get_by_label("API key")).to_have_value("")
        page.get_by_role("link", name="Remove").click()
        page.get_by_role("button", name="Remove provider").click()
        expect(page.get_by_text("My desk was removed")).to_be_visible()


def test_a_run_option_that_cannot_be_is_told_before_anything_is_sent(
    page: Page, studio: Studio
) -> None:
    studio.make_assistant("Cool", model=DEMO)
    page.get_by_role("button", name="Run options").click()
    options = page.get_by_role("dialog", name="Run options")
    temperature = options.get_by_label("Temperature")
    temperature.fill("9")
    temperature.press("Tab")
    expect(options.get_by_text("less than or equal to 2")).to_be_visible()
    expect(temperature).to_have_attribute("aria-invalid", "true")
    expect(temperature).to_have_value("9")
    # Its neighbour stays beside it, whatever is said below. Both at one moment: the options move.
    tops = options.evaluate(
        """(options) => ["run-temperature", "run-top_p"].map(
            (name) => options.querySelector(`[name="${name}"]`).getBoundingClientRect().top)"""
    )
    assert tops[0] == tops[1]
    temperature.fill("0.5")
    temperature.press("Tab")
    expect(options.get_by_text("less than or equal to 2")).to_have_count(0)
    expect(temperature).to_have_value("0.5")
    # What closes the options at once, without a look at the fields, is told of beside the message.
    temperature.fill("99")
    options.get_by_role("button", name="Done").click()
    expect(options).to_be_hidden()
    beside = page.locator("#run-options-wrong")
    expect(beside).to_contain_text("less than or equal to 2")
    # What is sent meanwhile is not taken, and that is all the page tells of it.
    message = page.get_by_label("Message", exact=True)
    message.fill("Hello")
    with page.expect_response("**/threads/begin") as refused:
        message.press("Enter")
    assert refused.value.status == 422
    expect(message).to_have_value("Hello")
    expect(beside).to_contain_text("less than or equal to 2")
    expect(page.locator("#composer-error")).to_be_empty()
    beside.get_by_role("button", name="Run options").click()
    expect(temperature).to_be_visible()
    temperature.fill("1")
    options.get_by_role("button", name="Done").click()
    expect(beside).to_be_hidden()


def test_enter_in_the_example_call_makes_its_function(page: Page, studio: Studio) -> None:
    open_setup(page, studio, "Enterer")
    example = page.get_by_label("From an example call")
    made = page.locator("#assistant-functions summary")
    example.fill('find(what="bread")')
    example.press("Enter")
    expect(made).to_have_count(1)
    expect(made).to_contain_text("find")
    # Enter in another field, while the call is still there, makes no second one.
    with page.expect_response("**/assistants/*"):
        page.get_by_label("Description").press("Enter")
    page.reload()
    expect(made).to_have_count(1)

"""Runs: their options, how they are stopped, tried again, and go on with what a person says."""

import re

from openai import OpenAI
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PLAYED, Studio
from tests.chat_server import ChatServer, Gate, error, text, tool_call, until


def test_stop_keeps_what_was_written(thread: Studio, model: ChatServer, page: Page) -> None:
    gate = Gate()
    model.reply(text("As far as it *got"), until(gate), text(" and no further"))
    thread.ask("Write on and on")
    expect(page.locator(".msg--assistant").last).to_contain_text("As far as it got")
    expect(page.get_by_role("button", name="Add and run")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    thread.wait_for("Cancelled")
    gate.open()
    assert thread.answer == "As far as it got"
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    # Below the answer, now and when the page is loaded again.
    for _ in range(2):
        expect(page.locator("#log > :last-child")).to_contain_text("Stopped at")
        assert thread.answer == "As far as it got"
        page.reload()


def test_escape_stops_too(thread: Studio, model: ChatServer, page: Page) -> None:
    model.reply(text("Once upon a time"), until(Gate()))
    thread.ask("Tell a story")
    expect(page.locator(".msg--assistant").last).to_contain_text("Once upon")
    page.get_by_label("Message", exact=True).press("Escape")
    thread.wait_for("Cancelled")


def test_escape_in_another_field_stops_nothing(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("Once upon a time"), until(Gate()))
    thread.ask("Tell a story")
    expect(page.locator(".msg--assistant").last).to_contain_text("Once upon")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for field in ("#assistant-name", "#assistant-instructions", "#rail input[type=search]"):
        page.locator(field).press("Escape")
    page.wait_for_timeout(200)
    assert not [url for url in asked if url.endswith("/cancel")]
    page.locator("#scroller").focus()
    page.keyboard.press("Escape")
    thread.wait_for("Cancelled")


def test_why_nothing_can_be_sent_stands_beside_stop(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.reply(text("Once upon a time"), until(Gate()))
    thread.ask("Tell a story")
    stop = page.get_by_role("button", name="Stop")
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        why, button = page.get_by_text("The thread is locked").bounding_box(), stop.bounding_box()
        assert why
        assert button
        assert why["x"] + why["width"] <= button["x"]
        middles = [box["y"] + box["height"] / 2 for box in (why, button)]
        assert abs(middles[0] - middles[1]) <= 1
    stop.click()


def test_a_run_that_fails_says_why_and_can_be_tried_again(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    model.otherwise(error(400, "The model is out of order."))
    thread.ask("Are you there?")
    thread.wait_for("Failed")
    outcome = page.locator(".outcome--bad")
    expect(outcome).to_contain_text("The model is out of order.")
    expect(outcome).to_contain_text("What to try:")
    model.forget()
    model.reply(text("Yes, here I am."))
    outcome.get_by_role("button", name="Retry").click()
    expect(page.locator(".run")).to_have_count(3)
    thread.wait_for("Completed")
    expect(page.locator(".msg--assistant .prose").last).to_have_text("Yes, here I am.")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_person_plays_the_function_and_the_same_run_goes_on(
    studio: Studio, model: ChatServer, page: Page, api: OpenAI
) -> None:
    assistant = api.beta.assistants.create(
        model=PLAYED,
        name="Weather",
        tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {}}}],
    )
    page.goto(f"/threads/new?assistant={assistant.id}")
    model.reply(tool_call("get_weather", '{"city": "Taipei"}'))
    model.reply(text("It is **warm**."))
    page.get_by_label("Message", exact=True).fill("How is the weather?")
    page.get_by_label("Message", exact=True).press("Enter")
    box = page.get_by_label("Output of get_weather")
    submit = page.get_by_role("button", name="Submit output")
    expect(box).to_be_visible()
    expect(page.locator("[data-until]")).to_have_text(re.compile(r"9 min \d+ s"))
    expect(submit).to_be_disabled()
    box.fill('{"celsius": 30}')
    expect(submit).to_be_enabled()
    page.reload()
    expect(box).to_have_value('{"celsius": 30}')
    expect(submit).to_be_enabled()
    expect(page.get_by_text("adds and runs")).to_be_hidden()
    box.focus()
    box.press("Tab")
    expect(submit).to_be_focused()
    submit.press("Enter")
    studio.wait_for("Completed")
    assert studio.answer == "It is warm."
    expect(page.locator(".run")).to_have_count(1)
    expect(page.locator(".code__out samp")).to_have_text('{"celsius": 30}')
    # The button is gone, but not the keyboard's place.
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_run_options_show_on_the_run_and_stay_with_the_thread(
    thread: Studio, model: ChatServer, page: Page
) -> None:
    dot = page.locator(".when-options")
    expect(dot).to_be_hidden()
    page.get_by_role("button", name="Run options").click()
    temperature = page.locator("#run-temperature")
    temperature.fill("0.3")
    # Enter in a field sends nothing.
    temperature.press("Enter")
    page.get_by_role("button", name="Done").click()
    expect(dot).to_be_visible()
    expect(page.locator(".run")).to_have_count(1)
    model.reply(text("Cooler."))
    thread.ask("Again, cooler")
    thread.wait_for("Completed")
    expect(page.locator(".run").last).to_contain_text("temperature: 0.3")
    assert model.wait(2)[1].body["temperature"] == 0.3
    page.reload()
    expect(page.locator("#run-temperature")).to_have_value("0.3")


def test_tool_choice_offers_the_tools_that_the_assistant_has_by_now(
    thread: Studio, page: Page
) -> None:
    choices = page.locator("#run-tool-choice option")
    settled = ["Auto", "None", "Required"]
    expect(choices).to_have_text([*settled, "Code interpreter"])
    page.locator("#run-tool-choice").select_option("required", force=True)
    page.get_by_role("button", name="Add the sample get_weather").click()
    expect(choices).to_have_text([*settled, "Code interpreter", "Function get_weather"])
    expect(page.locator("#run-tool-choice")).to_have_value("required")
    page.locator("#assistant-code_interpreter").click()
    expect(choices).to_have_text([*settled, "Function get_weather"])


def test_a_tool_that_is_chosen_while_the_assistant_is_saved_stays_chosen(
    thread: Studio, page: Page
) -> None:
    choice = page.locator("#run-tool-choice")
    page.get_by_role("button", name="Add the sample get_weather").click()
    expect(choice.locator("option")).to_have_count(5)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/assistants/asst_*", hold)
    choice.select_option("required", force=True)
    with page.expect_request("**/assistants/asst_*"):
        page.locator("#assistant-code_interpreter").click()
    choice.select_option("function:get_weather", force=True)
    held[0].continue_()
    page.unroute("**/assistants/asst_*")
    expect(choice.locator("option")).to_have_count(4)
    expect(choice).to_have_value("function:get_weather")
    # What cannot be chosen any more is not.
    page.get_by_role("button", name="Remove get_weather").click()
    expect(choice.locator("option")).to_have_count(3)
    expect(choice).to_have_value("")

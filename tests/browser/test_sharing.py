"""Guests of a share link, and two people at one thread."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import ChatServer, Gate, text, until
from tests.stack import Stack

SIGN_IN = """
from django.contrib import auth
from django.contrib.auth.models import User
from django.conf import settings
from importlib import import_module
from assistants.models import Membership, Project
user, _ = User.objects.get_or_create(username="mei")
project = Project.objects.oldest_first().first()
Membership.objects.get_or_create(project=project, user=user, defaults={"role": "editor"})
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[auth.SESSION_KEY] = str(user.pk)
session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""


@pytest.fixture
def thread(studio: Studio, model: ChatServer) -> Studio:
    studio.make_assistant("Talker", instructions="Never mention the nightjar.")
    model.reply(text("Hello **there**."))
    studio.ask("Hello")
    studio.wait_for("Completed")
    return studio


@pytest.fixture
def other(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = browser.new_context(base_url=stack.url)
    context.set_default_timeout(15_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


def test_a_link_is_made_in_two_clicks_read_live_by_a_guest_and_revoked(
    thread: Studio, model: ChatServer, page: Page, context: BrowserContext, other: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Share thread").click()
    dialog = page.locator("#dialog")
    dialog.get_by_role("button", name="Create link").click()
    dialog.get_by_role("button", name="Copy").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == dialog.get_by_label("Link", exact=True).input_value()

    guest = other.new_page()
    complaints: list[str] = []
    guest.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    guest.on("pageerror", lambda error: complaints.append(str(error)))
    guest.goto(link)
    expect(guest.get_by_role("heading", level=1)).to_have_text("Hello")
    expect(guest.locator(".msg--assistant strong")).to_have_text("there")
    expect(guest.locator("form")).to_have_count(1)
    assert "nightjar" not in guest.content()
    guest.get_by_role("button", name="Dark").click()
    expect(guest.locator("html")).to_have_attribute("data-theme", "dark")
    assert {cookie["name"] for cookie in other.cookies()} <= {"theme", "timezone"}

    # From now on it is live.
    dialog.get_by_role("link", name="Change this link").click()
    expect(dialog.get_by_role("heading", name="Change this link")).to_be_visible()
    dialog.get_by_label("What it shows").select_option("live")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("button", name="Create another link")).to_be_visible()
    page.keyboard.press("Escape")
    guest.goto(link)
    gate = Gate()
    model.reply(text("One **two**", pieces=["One ", "**two**"]), until(gate), text(" three."))
    thread.ask("Count")
    expect(guest.locator(".said").last).to_have_text("Count")
    expect(guest.locator(".msg--assistant strong").last).to_have_text("two")
    gate.open()
    thread.wait_for("Completed")
    expect(guest.locator(".run .chip").last).to_have_text("Completed")
    assert complaints == []

    page.get_by_role("link", name="Share thread").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(guest.get_by_text("This link opens nothing any more")).to_be_visible()
    answer = guest.goto(link)
    assert answer
    assert answer.status == 410


def test_two_people_in_one_thread_see_each_other_and_wait_for_each_other(
    thread: Studio, model: ChatServer, page: Page, other: BrowserContext, stack: Stack
) -> None:
    key = _signed_in(stack)
    other.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": stack.url}])
    mei = other.new_page()
    mei.goto(page.url)
    expect(page.locator("#here")).to_contain_text("mei")
    expect(mei.locator("#here")).to_contain_text("owner")
    expect(mei.locator(".msg--user h2").last).to_have_text("owner")
    expect(page.locator(".msg--user h2").last).to_have_text("You")

    # A message without a run comes by itself.
    mei.get_by_label("Message", exact=True).fill("From Mei")
    mei.get_by_role("button", name="Add without run").click()
    said = page.locator(".msg--user").last
    expect(said).to_contain_text("From Mei")
    expect(said.locator("h2")).to_have_text("mei")
    expect(mei.locator(".msg--user h2").last).to_have_text("You")

    gate = Gate()
    model.reply(text("Wait"), until(gate), text(" for it."))
    mei.get_by_label("Message", exact=True).fill("Now run")
    mei.get_by_label("Message", exact=True).press("Enter")
    actions = page.locator("#composer-actions")
    expect(actions).to_contain_text("mei’s run is using this thread")
    expect(actions.get_by_role("button", name="Add and run")).to_be_disabled()
    # Why has a line of its own, above all that can be pressed.
    why = actions.locator("[data-by]").bounding_box()
    attach = page.locator(".composer__bar .upload").bounding_box()
    stop = actions.get_by_role("link", name="Stop").bounding_box()
    assert why
    assert attach
    assert stop
    assert why["y"] + why["height"] <= stop["y"]
    assert attach["y"] == stop["y"]
    expect(mei.locator("#composer-actions")).not_to_contain_text("mei’s run")
    expect(mei.locator("#composer-actions [disabled]")).to_be_hidden()
    page.get_by_label("Message", exact=True).press("Escape")
    expect(page.locator(".msg--assistant").last).to_contain_text("Wait")
    gate.open()
    expect(page.locator(".run .chip").last).to_have_text("Completed")
    expect(actions.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    page.set_viewport_size({"width": 360, "height": 640})
    expect(page.get_by_role("list", name="Here now")).to_be_visible()
    expect(page.locator("#thread-title")).to_be_hidden()
    mei.close()
    expect(page.locator("#here")).to_be_hidden()
    expect(page.locator("#chat > .panel__head")).to_be_hidden()


def _signed_in(stack: Stack) -> str:
    """The key of a session of somebody else who works in the project."""
    environment = psutil.Process(stack.pid_of("web")).environ()
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", SIGN_IN]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return made.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("width", [1440, 360])
def test_fields_in_two_columns_are_as_wide_as_those_in_one(
    thread: Studio, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})

    def ends(place: str, *names: str) -> set[int]:
        """Where these fields end on the right, in pixels."""
        form = page.locator(place)
        boxes = [form.get_by_label(name).bounding_box() for name in names]
        return {round(box["x"] + box["width"]) for box in boxes if box}

    page.locator("#run-options").evaluate("popover => popover.showPopover()")
    alone = ends("#run-options", "Additional instructions")
    assert ends("#run-options", "Top P", "Most tokens to write", "Read the last messages") == alone
    page.goto(f"{page.url.partition('?')[0]}/shares")
    alone = ends("form.sheet", "Who can read it")
    assert ends("form.sheet", "Password") == alone

"""The studio in a real browser, and the steps that many of its tests begin with."""

from collections.abc import Iterator

import pytest
from openai import OpenAI
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import fill
from tests.chat_server import ChatServer, text
from tests.stack import Stack

# Patience for a machine that is busy with other things; what is right is seen at once.
expect.set_options(timeout=15_000)

DEMO = "demo"
PLAYED = "played"


class Studio:
    """The owner at the studio."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def make_assistant(self, name: str, *, model: str = PLAYED, instructions: str = "") -> None:
        """Fill in the form; ends on the page of a new thread with it."""
        self.page.goto("/assistants/new")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Instructions").fill(instructions)
        self.page.get_by_label("Model").select_option(model)
        self.page.get_by_role("button", name="Create assistant").click()
        expect(self.page.get_by_role("heading", name=f"Ask {name}")).to_be_visible()
        self.page.wait_for_load_state()  # nobody is as quick as to write before the scripts run

    def ask(self, text: str) -> None:
        """Write a message, send it with the Enter key, and see its run begin."""
        runs = self.page.locator(".run").count()
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.get_by_label("Message", exact=True).press("Enter")
        said = self.page.locator(".msg--user .said", has_text=text).last
        expect(said).to_be_visible()
        expect(self.page.locator(".run")).to_have_count(runs + 1)

    def wait_for(self, status: str) -> None:
        """The last run has this status, in the words of its chip."""
        chip = self.page.locator(".run .chip").last
        expect(chip).to_have_text(status, timeout=30_000)

    @property
    def answer(self) -> str:
        """The text of the last answer, as a reader sees it."""
        return self.page.locator(".msg--assistant .prose").last.inner_text()


@pytest.fixture
def studio(page: Page) -> Studio:
    return Studio(page)


@pytest.fixture
def model(stack: Stack) -> Iterator[ChatServer]:
    """The played model, which has forgotten what earlier tests told it."""
    stack.chat.forget()
    yield stack.chat
    stack.chat.forget()


@pytest.fixture
def api(stack: Stack) -> Iterator[OpenAI]:
    """A program that works in the owner's project."""
    with OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def thread(studio: Studio, model: ChatServer, api: OpenAI) -> Studio:
    """A thread with one question and its answer, on its page. A program has made it, in a fifth of
    the time that a person takes.
    """
    model.reply(text("Hello **there**."))
    assistant = api.beta.assistants.create(
        name="Talker", model=PLAYED, tools=[{"type": "code_interpreter"}]
    )
    run = api.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
        poll_interval_ms=50,
    )
    assert run.status == "completed", run.last_error
    studio.page.goto(f"/threads/{run.thread_id}")
    return studio


@pytest.fixture(scope="session")
def ids_once() -> dict[str, str]:
    """What ``ids`` has found, kept for all files of tests: empty until one has asked for it."""
    return {}


@pytest.fixture(scope="module")
def ids(browser: Browser, stack: Stack, ids_once: dict[str, str]) -> dict[str, str]:
    """Those of a project with something of everything, which the addresses of pages name. Asked for
    anew in each file of tests, since each has its own browser; made once for all of them.
    """
    if not ids_once:
        context = browser.new_context(base_url=stack.url)
        page = context.new_page()
        page.goto(stack.login_path)
        ids_once |= fill(page, stack)
        context.close()
    return ids_once

"""Two installations: a person at the studio of one, with the assistant living on the other."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from openai import OpenAI
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Studio
from tests.chat_server import text
from tests.proxy import Proxy
from tests.stack import Stack
from tests.until import until

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

TERMINAL = {"completed", "failed", "cancelled", "expired", "incomplete"}


@pytest.fixture(scope="module")
def upstairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The second installation, beside the one whose pages are looked at."""
    with Stack(tmp_path_factory.mktemp("upstairs")) as running:
        yield running


@pytest.fixture
def there(upstairs: Stack) -> Iterator[OpenAI]:
    upstairs.chat.forget()
    with OpenAI(api_key=upstairs.api_key, base_url=f"{upstairs.url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def proxy(upstairs: Stack) -> Iterator[Proxy]:
    with Proxy(upstairs.url) as running:
        yield running


@pytest.fixture
def server(page: Page, proxy: Proxy, upstairs: Stack, there: OpenAI) -> str:
    """The id of the provider that the second installation is here, connected by its form."""
    page.goto("/settings/providers/new?like=assistants")
    page.get_by_label("Name", exact=True).fill("Upstairs")
    page.get_by_label("Address").fill(f"{proxy.url}/v1")
    page.get_by_label("API key").fill(upstairs.api_key)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Version 2.")).to_be_visible()
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("link", name="Edit Upstairs").last.click()
    return page.url.split("/")[-1]


def test_the_walk_through_with_the_assistant_living_elsewhere(
    page: Page, studio: Studio, server: str, there: OpenAI, proxy: Proxy
) -> None:
    studio.make_assistant("Data Visualization", model=f"{server}/demo")
    expect(page.get_by_role("combobox", name="Assistant", exact=True)).to_contain_text("Upstairs")
    studio.ask("Create a visualization of a sinewave")
    studio.wait_for("Completed")
    code = page.locator(".step .code code").first
    expect(code).to_contain_text("np.sin(x)")
    images = page.locator(".msg--assistant img")
    expect(images).to_have_count(1)
    assert images.first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    studio.ask("Show me the code you used to generate the sinewave")
    studio.wait_for("Completed")
    expect(page.locator(".msg--assistant").last.locator(".code")).to_contain_text("plt.plot")
    studio.ask(
        "I prefer visualizations in darkmode can you change the colors to make a darkmode "
        "version of this visualization."
    )
    studio.wait_for("Completed")
    expect(images).to_have_count(2)
    page.reload()
    expect(page.locator(".run .chip")).to_have_text(["Completed"] * 3)
    expect(images).to_have_count(2)
    assert proxy.count("POST", r"/runs$") == 3
    assert [one.name for one in there.beta.assistants.list()] == ["Data Visualization"]


def test_a_killed_worker_leaves_the_run_to_the_next_and_it_is_created_once(
    context: BrowserContext,
    api: OpenAI,
    stack: Stack,
    upstairs: Stack,
    server: str,
    there: OpenAI,
    proxy: Proxy,
) -> None:
    upstairs.chat.when("slowly", [text("word " * 200, rate=40)])
    made = api.beta.assistants.create(model=f"{server}/played", name="Slow")
    thread = api.beta.threads.create(messages=[{"role": "user", "content": "slowly"}])
    run = api.beta.threads.runs.create(thread.id, assistant_id=made.id)
    until(lambda: api.beta.threads.messages.list(thread.id, run_id=run.id).data, "it is silent")
    time.sleep(0.5)
    os.kill(stack.pid_of("worker"), signal.SIGKILL)

    ended = until(
        lambda: (
            found
            if (found := api.beta.threads.runs.retrieve(run.id, thread_id=thread.id)).status
            in TERMINAL
            else None
        ),
        "it does not end",
        60,
    )
    assert ended is not None
    assert ended.status == "completed", ended.last_error
    (answer,) = api.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert answer.content[0].text.value == "word " * 200  # type: ignore[union-attr]
    assert proxy.count("POST", r"/runs$") == 1

"""What tests are given: a Redis, the whole stack as real processes, a browser.

The one thing that is played is the chat model (``tests.chat_server``).
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from assistants import redis_commands
from tests import object_store, postgres
from tests.kernel import FEATURES
from tests.stack import Stack

if TYPE_CHECKING:
    from assistants.ingester import Ingester

OUTPUT_LINES = 80
EXCUSED = ("excused", True)
"""The property of a test that may be skipped."""
CHROMIUM_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def chromium_program() -> str:
    """The path of the machine's own Chromium: Playwright's download is not used."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert program, "no Chromium here: make test installs it, or says how"
    return program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL what is about SQLite alone is left out, on object storage what is about the
    disk. Files with browser tests go last, of these the longest first.

    Playwright keeps an event loop running in the thread of the tests, beside which no test that
    brings its own could run. A long file that came last would be waited for by all processes.
    """
    if postgres.is_wanted():
        items[:] = [item for item in items if item.get_closest_marker("sqlite") is None]
    if object_store.is_wanted():
        items[:] = [item for item in items if item.get_closest_marker("disk") is None]
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "django_db_setup" in names or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if "stack" in names:
            item.add_marker("stack")
        if "browser" in names:
            item.add_marker("browser")
    with_browser = {item.path for item in items if item.get_closest_marker("browser")}
    long = {item.path for item in items if item.get_closest_marker("looks")}
    items.sort(key=lambda item: (item.path in with_browser, item.path not in long))


@pytest.fixture(autouse=True)
def no_language_of_another() -> None:
    """A request leaves its language in force."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def no_memory_of_an_outage() -> None:
    """What one test has done to Redis keeps no other from asking it."""
    redis_commands.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the processes have said when a test that used them fails."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections.append(("the stack's output", stack.output(OUTPUT_LINES)))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs of the kernel what this one does not give."""
    for marker in item.iter_markers("needs_kernel"):
        (feature,) = marker.args
        if not FEATURES[feature]():
            item.user_properties.append(EXCUSED)
            pytest.skip(f"this kernel has no {feature}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI is set a skipped test is a failure, but for what `needs_kernel` has skipped: all
    else can be installed.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if any(EXCUSED not in map(tuple, report.user_properties) for report in skipped):
        reporter.write_line("\nWhere CI is set, no test may be skipped.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of our own, on a private Unix socket."""
    command = [sys.executable, "-m", "playground.redis_server"]
    with subprocess.Popen(command, env=dict(os.environ)) as server:
        deadline = time.monotonic() + 10
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    assert server.poll() is None, "Redis ended at once"
                    assert time.monotonic() < deadline, "Redis does not answer"
                    time.sleep(0.02)
        yield settings.REDIS_URL
        server.terminate()


@pytest.fixture(autouse=True)
def _empty_redis(redis_url: str) -> Iterator[None]:
    """Each test begins with an empty Redis."""
    yield
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """A test that commits leaves an empty database, by our own way of emptying it."""
    # Imported here, as below.
    from django.test import TransactionTestCase

    from tests.emptying import delete_all_rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", delete_all_rows)
        yield


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """Where the PostgreSQL of the tests listens: the one that all run on, or one of its own."""
    if postgres.is_wanted():
        yield postgres.running()
    else:
        with postgres.server() as server:
            yield server.folder


@pytest.fixture
def ingester(transactional_db: None) -> "Iterator[Ingester]":
    """What the worker has for ingesting files, in this process. No Celery listens for its rings, so
    it is rung all the time.
    """
    # Imported here: it knows the models, and screenshots are taken without Django.
    from assistants.ingester import Ingester

    over = threading.Event()
    found = Ingester()

    def ring() -> None:
        while not over.wait(0.01):
            found.wake()

    ringing = threading.Thread(target=ring)
    ringing.start()
    yield found
    over.set()
    ringing.join()
    found.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything that ``make run`` runs, started once; a played model stands beside the demo."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, started anew for each file of tests: what one has left in its
    memory, or done to it, is nothing to the next.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_program(),
            args=CHROMIUM_ARGUMENTS,
            chromium_sandbox=os.geteuid() != 0,
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A fresh browser profile, signed out, whose relative addresses are the stack's."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, stack: Stack) -> Iterator[Page]:
    """A page signed in as the owner. Errors of scripts and of the CSP on it fail the test."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            complaints.append(message.text)

    page = context.new_page()
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # The link signs in; the page that it leads to is left out, a test opens the one it wants.
    context.request.get(stack.login_path, max_redirects=0)
    yield page
    assert complaints == []

"""Takes the picture in the README: ``make screenshots``.

It shows what a newcomer sees: the studio with no key and no provider, after the getting-started
walk-through has been clicked through.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import CHROMIUM_ARGUMENTS, chromium_program
from tests.stack import ROOT, Stack

FOLDER = ROOT / "docs" / "screenshots"
QUESTIONS = (
    "Create a visualization of a sinewave",
    "I prefer visualizations in darkmode, can you make a darkmode version of this visualization?",
)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), OPENAI_API_KEY="", OPENAI_BASE_URL="") as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium_program(), args=CHROMIUM_ARGUMENTS, chromium_sandbox=False
        )
        page = browser.new_page(base_url=stack.url, viewport={"width": 1440, "height": 1640})
        page.goto(stack.login_path)
        _walk_through(page)
        page.screenshot(path=FOLDER / "thread.png")
        browser.close()


def _walk_through(page: Page) -> None:
    page.goto("/assistants/new")
    page.get_by_label("Name").fill("Data Visualization")
    page.get_by_label("Instructions").fill(
        "You are a helpful AI assistant who makes interesting visualizations based on data."
    )
    page.get_by_role("button", name="Create assistant").click()
    for number, question in enumerate(QUESTIONS, start=1):
        page.locator("#draft").fill(question)
        page.locator("#draft").press("Enter")
        done = page.locator(".run .chip[data-status=completed]")
        expect(done).to_have_count(number, timeout=30_000)
    # Closed, so that both plots are in the picture.
    for header in page.locator(".run > details > summary").all():
        header.click()
    page.wait_for_timeout(800)


if __name__ == "__main__":
    main()

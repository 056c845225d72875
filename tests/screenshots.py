"""Takes the pictures in docs/screenshots anew: ``make screenshots``.

``thread.png``, which the README has, shows what a newcomer sees: the studio with no key and no
provider, after the getting-started walk-through has been clicked through. The others show every
page in both themes at three widths, small, for whoever works on the pages.

``make screenshots ARGS="thread settings"`` takes those pages alone, ``ARGS="--closely /tmp"`` keeps
them in their full size too.
"""

import argparse
import io
import os
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.pages import LANGUAGES, PAGES, THEMES, Place, fill, speak, visit
from tests.conftest import CHROMIUM_ARGUMENTS, chromium_program
from tests.stack import ROOT, Stack

FOLDER: Final = ROOT / "docs" / "screenshots"
SIZES: Final = ((1440, 900), (900, 900), (360, 640))
KEPT: Final = {1440: 1 / 2, 900: 1 / 2, 360: 2 / 3}
"""How large a picture of each width is kept: one sees that it is right, and the folder is small."""
QUALITY: Final = 25
QUESTIONS: Final = (
    "Create a visualization of a sinewave",
    "I prefer visualizations in darkmode, can you make a darkmode version of this visualization?",
)


def main() -> None:
    known = {place.name for place in PAGES if place.shown}
    options = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    options.add_argument("names", nargs="*", metavar="name", help=", ".join(sorted(known)))
    options.add_argument("--closely", type=Path, help="a folder for them in their full size too")
    given = options.parse_args()
    wanted: list[str] = given.names
    if unknown := set(wanted) - known:
        options.error(f"there is no page {', '.join(sorted(unknown))}")
    if given.closely:
        given.closely.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), OPENAI_API_KEY="", OPENAI_BASE_URL="") as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium_program(),
            args=CHROMIUM_ARGUMENTS,
            chromium_sandbox=False,
            env={**os.environ, "FONTCONFIG_FILE": str(_fonts(Path(folder)))},
        )
        page = browser.new_page(base_url=stack.url, viewport={"width": 1440, "height": 1640})
        page.goto(stack.login_path)
        if not wanted:
            _walk_through(page)
            page.screenshot(path=FOLDER / "thread.png")
        ids = fill(page, stack)
        places = [place for place in PAGES if place.name in (wanted or known)]
        for language in LANGUAGES:
            for theme in THEMES:
                for size in SIZES:
                    _take(browser, stack, ids, places, language, theme, size, given.closely)
        browser.close()


def _fonts(folder: Path) -> Path:
    """Settings of fontconfig with which Chinese is seen on a machine that has no font for it: in
    the one that the code interpreter draws with.
    """
    found = ROOT.glob(".sandbox-venv/lib/python*/site-packages/cvttf_NotoSansCJK_Regular")
    places = "".join(f"<dir>{place}</dir>" for place in found)
    settings = folder / "fonts.conf"
    settings.write_text(
        f"<fontconfig><include>/etc/fonts/fonts.conf</include>{places}"
        f"<cachedir>{folder}/fonts</cachedir></fontconfig>"
    )
    return settings


def _take(
    browser: Browser,
    stack: Stack,
    ids: dict[str, str],
    places: list[Place],
    language: str,
    theme: str,
    size: tuple[int, int],
    closely: Path | None,
) -> None:
    """Pages in one language, theme and size: ``en/thread-1440-light.webp``."""
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
        reduced_motion="reduce",
        timezone_id="UTC",
    )
    page = context.new_page()
    speak(page, stack, language)
    folder = FOLDER / language
    folder.mkdir(parents=True, exist_ok=True)
    for place in places:
        visit(page, stack, place.address.format(**ids))
        # Fonts and images are there, and what follows the newest message has gone down to it.
        page.wait_for_timeout(200)
        picture = Image.open(io.BytesIO(page.screenshot()))
        name = f"{place.name}-{size[0]}-{theme}"
        if closely:
            picture.save(closely / f"{name}-{language}.png")
        kept = [round(pixels * KEPT[size[0]]) for pixels in size]
        small = picture.convert("RGB").resize((kept[0], kept[1]), Image.Resampling.LANCZOS)
        small.save(folder / f"{name}.webp", quality=QUALITY, method=6)
    context.close()


def _walk_through(page: Page) -> None:
    page.goto("/assistants/new")
    page.get_by_label("Name").fill("Data Visualization")
    page.get_by_label("Instructions").fill(
        "You are a helpful AI assistant who makes interesting visualizations based on data."
    )
    page.get_by_role("button", name="Create assistant").click()
    expect(page.locator("#draft")).to_be_visible()
    page.wait_for_load_state("networkidle")
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

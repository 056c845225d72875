"""What a tool such as Lighthouse looks at, on every page, without a network."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.pages import LANGUAGES, addresses, speak, visit
from tests.stack import Stack

pytestmark = pytest.mark.looks

MAX_REQUESTS = 45
MAX_BYTES = 700_000
"""A page with everything that it loads, before compression, the first time that it is seen. What
code has drawn is left out; htmx is 170 kB of it.
"""
MIN_TARGET = 24
"""Pixels that a finger needs, WCAG 2.5.8."""


@pytest.fixture
def errors(page: Page) -> Iterator[list[str]]:
    """What the browser has complained of in its console."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    yield found
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_its_title_language_and_scale_and_the_browser_complains_of_nothing(
    page: Page, stack: Stack, ids: dict[str, str], language: str, errors: list[str]
) -> None:
    speak(page, stack, language)
    titles = {}
    for name, address in addresses(ids).items():
        visit(page, stack, address)
        found: dict[str, Any] = page.evaluate(
            """() => ({
                title: document.title,
                lang: document.documentElement.lang,
                viewport: document.querySelector("meta[name=viewport]")?.content ?? "",
                headings: document.querySelectorAll("h1").length,
                mains: document.querySelectorAll("main").length,
                unnamed: [...document.querySelectorAll("input, select, textarea")].filter(
                    one => one.type !== "hidden" && !one.labels?.length && !one.ariaLabel
                        && !one.getAttribute("aria-labelledby")).length,
                unsized: [...document.images].filter(
                    one => one.checkVisibility() && !(one.width && one.height)).length,
                text: document.body.innerText.trim().length,
            })"""
        )
        assert found["title"].strip(), name
        assert found["lang"] == language, name
        assert "width=device-width" in found["viewport"], name
        assert "maximum-scale" not in found["viewport"], name
        assert "user-scalable" not in found["viewport"], name
        assert found["headings"] == 1, name
        assert found["mains"] == 1, name
        assert found["unnamed"] == 0, name
        assert found["unsized"] == 0, name
        assert found["text"] > 20, name
        titles[name] = found["title"]
    # The page that is not there answers 404, which Chromium says in its console.
    errors[:] = [one for one in errors if "404 (Not Found)" not in one]
    assert len({titles["assistants"], titles["threads"], titles["files"], titles["settings"]}) == 4


def _note(loaded: list[Response], answer: Response) -> None:
    loaded.append(answer)


def test_what_a_page_loads_is_little_and_kept_by_the_browser(
    browser: Browser, stack: Stack, ids: dict[str, str]
) -> None:
    heaviest = 0
    # An address of a static file names its content.
    static: dict[str, int] = {}

    def size(answer: Response) -> int:
        if "/static/" not in answer.url:
            return len(answer.body())
        if answer.url not in static:
            static[answer.url] = len(answer.body())
        return static[answer.url]

    for name, address in addresses(ids).items():
        if name in ("login", "styleguide"):
            continue
        # A browser that has seen nothing yet.
        context = browser.new_context(base_url=stack.url)
        context.request.get(stack.login_path)
        page = context.new_page()
        loaded: list[Response] = []
        listen = partial(_note, loaded)
        page.on("response", listen)
        visit(page, stack, address)
        # What a thread tells as it happens has no end.
        ours = [one for one in loaded if not re.search("/content|/stream", one.url)]
        assert len(ours) <= MAX_REQUESTS, (name, [one.url for one in ours])
        heaviest = max(heaviest, sum(size(one) for one in ours if one.ok))
        assert all(one.url.startswith(stack.url) for one in loaded), name
        for one in ours:
            if "/static/" in one.url:
                kept = one.headers.get("cache-control", "")
                assert "immutable" in kept, (one.url, kept)
        context.close()
    assert heaviest <= MAX_BYTES


def test_everything_to_press_is_large_enough_for_a_finger(
    browser: Browser, stack: Stack, ids: dict[str, str]
) -> None:
    """Or has room around it, or is a word of a text."""
    context = browser.new_context(
        base_url=stack.url, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(stack.login_path)
    small = {}
    for name, address in addresses(ids).items():
        visit(page, stack, address)
        found = page.evaluate(
            """least => {
                const all = "a[href], button, input:not([type=hidden]), select, textarea, summary";
                const seen = [...document.querySelectorAll(all)].filter(one =>
                    one.checkVisibility({visibilityProperty: true, opacityProperty: true}) &&
                    !one.matches(".sr-only, .skip") && getComputedStyle(one).display !== "inline");
                const boxes = seen.map(one => one.getBoundingClientRect());
                const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
                // A circle of this size around the middle of one touches nothing else.
                const free = box => boxes.every(other => {
                    if (other === box) return true;
                    const [x, y] = middle(box);
                    const dx = Math.max(other.left - x, 0, x - other.right);
                    const dy = Math.max(other.top - y, 0, y - other.bottom);
                    const inside = other.left <= box.left && other.right >= box.right &&
                        other.top <= box.top && other.bottom >= box.bottom;
                    return inside || Math.hypot(dx, dy) >= least / 2;
                });
                return seen.filter((one, place) => boxes[place].width &&
                    (boxes[place].width < least || boxes[place].height < least) &&
                    !free(boxes[place])).map(one => one.outerHTML.slice(0, 120));
            }""",
            MIN_TARGET,
        )
        if found:
            small[name] = found[:3]
    context.close()
    assert small == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_nothing_in_the_styleguide_leaves_its_frame_or_covers_another(
    page: Page, stack: Stack, theme: str, width: int
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, stack, "/styleguide/")
    assert page.locator(".specimen").count() > 80
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    faults = page.evaluate(
        """() => {
            const faults = [];
            const box = one => one.getBoundingClientRect();
            const scrolls = "pre, .table-wrap, .tabs, .formula, .composer__files, .sr-only, svg";
            for (const frame of document.querySelectorAll(".specimen")) {
                for (const one of frame.querySelectorAll("*")) {
                    if (!one.checkVisibility() || one.closest(scrolls) || one.matches(".dialog")) {
                        continue;
                    }
                    if (one.closest(".truncate, .id, .timeline, select, .jump")) continue;
                    const [inner, outer] = [box(one), box(frame)];
                    if (inner.right > outer.right + 1.5 || inner.left < outer.left - 1.5) {
                        faults.push("leaves: " + one.outerHTML.slice(0, 90));
                    }
                }
                // A word or a number is not torn apart, nor a text squeezed to a letter a line.
                const texts = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
                while (texts.nextNode()) {
                    const text = texts.currentNode;
                    const around = text.parentElement;
                    if (!around.checkVisibility() || around.closest(`${scrolls}, .mono`)) continue;
                    for (const word of text.data.matchAll(/[a-z0-9.,]{2,14}/gi)) {
                        const range = document.createRange();
                        range.setStart(text, word.index);
                        range.setEnd(text, word.index + word[0].length);
                        const lines = new Set([...range.getClientRects()].map(one => one.top));
                        if (lines.size > 1) faults.push("tears: " + around.outerHTML.slice(0, 90));
                    }
                }
                const buttons = [...frame.querySelectorAll(".btn, .chip, .tag, .input")].filter(
                    one => one.checkVisibility() && !one.closest(scrolls) && !one.matches(".jump"));
                for (const one of buttons) for (const other of buttons) {
                    if (one === other || one.contains(other) || other.contains(one)) continue;
                    const [a, b] = [box(one), box(other)];
                    if (a.left < b.right - 1 && b.left < a.right - 1 &&
                        a.top < b.bottom - 1 && b.top < a.bottom - 1) {
                        faults.push("covers: " + one.outerHTML.slice(0, 90));
                    }
                }
            }
            return [...new Set(faults)].slice(0, 8);
        }"""
    )
    assert faults == []


def test_the_pictures_in_docs_are_those_of_the_pages() -> None:
    """One of every page, in every language, theme and width, and no other."""
    from tests.browser.pages import PAGES, THEMES
    from tests.screenshots import FOLDER, SIZES

    expected = {
        f"{language}/{place.name}-{width}-{theme}.webp"
        for language in LANGUAGES
        for place in PAGES
        for width, _ in SIZES
        for theme in THEMES
        if place.shown
    }
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.webp")}
    assert there == expected, "make screenshots"
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.*")) < 3_000_000


def test_with_few_colours_the_main_button_is_read_and_the_chosen_tab_is_marked(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    """As in Windows' contrast themes, where a browser puts a plate behind the words of a button
    unless the button keeps its own colours.
    """
    page.emulate_media(forced_colors="active")
    visit(page, stack, f"/threads/{ids['thread_id']}?tab=usage")
    found = page.evaluate(
        """() => {
            const seen = getComputedStyle(document.querySelector(".composer .btn--primary"));
            const line = tab => getComputedStyle(tab).borderBottomColor;
            const tabs = [...document.querySelectorAll(".tab")];
            return {
                adjusts: seen.forcedColorAdjust,
                colours: [seen.color, seen.backgroundColor],
                marked: tabs.filter(tab => line(tab) !== line(tabs[0])).map(tab => tab.id),
            };
        }"""
    )
    assert found["adjusts"] == "none"
    assert found["colours"][0] != found["colours"][1]
    assert found["marked"] == ["inspect-tab-usage"]


@pytest.mark.parametrize("width", [1440, 360])
def test_fields_of_a_share_appear_with_the_choice_that_asks_for_them(
    page: Page, stack: Stack, ids: dict[str, str], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, stack, f"/threads/{ids['thread_id']}/shares")
    # The whole line is its, but for the button beside it.
    link = page.get_by_label("Link", exact=True)
    assert link.evaluate("one => one.offsetWidth") > 180
    for choice, value, asked in (
        ("Who can read it", "people", "Accounts"),
        ("Expires", "date", "Day"),
    ):
        assert not page.get_by_label(asked, exact=True).is_visible()
        page.get_by_label(choice).select_option(value)
        assert page.get_by_label(asked, exact=True).is_visible()


def test_whether_changes_are_saved_is_told_beside_the_form_not_over_it(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    visit(page, stack, f"/assistants/{ids['assistant_id']}")
    line = page.locator("#assistant-saved-line").bounding_box()
    first = page.locator("#assistant-form summary").first.bounding_box()
    assert line is not None
    assert first is not None
    assert line["height"] > 24
    assert line["y"] + line["height"] <= first["y"] + 1


def test_the_menu_of_a_low_screen_scrolls_as_a_whole(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    visit(page, stack, "/assistants")
    page.get_by_role("button", name="Menu").click()
    for name in ("Assistants", "Threads", "Files"):
        expect(page.locator("#rail").get_by_role("link", name=name, exact=True)).to_be_in_viewport(
            ratio=1
        )

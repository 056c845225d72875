"""Every page, for everybody: read aloud, enlarged, without colours, without motion, by keyboard."""

import io
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.pages import THEMES, addresses, speak, visit
from tests.stack import Stack

pytestmark = pytest.mark.looks

PARTS = 2
"""Into so many all pages are divided where looking at them takes long."""
UNSEEN = 0.002
"""Below this share of different pixels two pictures look the same."""


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser writes to its console as errors; some is always a failure."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    yield found
    assert [one for one in found if "404 (Not Found)" not in one] == []


def see(page: Page, theme: str) -> None:
    """Have pages in this theme, those that are open too, and without motion."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")


def faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe calls serious or worse."""
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]][:3])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("language, themes", [("en", THEMES), ("zh-Hant", ("light",))])
def test_axe_finds_nothing_serious_on_any_page(
    page: Page,
    stack: Stack,
    ids: dict[str, str],
    language: str,
    themes: tuple[str, ...],
    part: int,
    complaints: list[str],
) -> None:
    see(page, themes[0])
    speak(page, stack, language)
    found = {}
    for name, address in [*addresses(ids).items()][part::PARTS]:
        visit(page, stack, address)
        expect(page.locator("html")).to_have_attribute("lang", language)
        for theme in themes:
            see(page, theme)
            if problems := faults(page):
                found[name, theme] = problems
    assert found == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [360, 900, 1440])
def test_axe_finds_nothing_serious_in_what_opens_on_a_page(
    page: Page, stack: Stack, ids: dict[str, str], theme: str, width: int
) -> None:
    see(page, theme)
    page.set_viewport_size({"width": width, "height": 800})
    found = {}

    def look(what: str) -> None:
        if problems := faults(page):
            found[what] = problems
        page.keyboard.press("Escape")

    visit(page, stack, f"/threads/{ids['thread_id']}")
    page.get_by_role("button", name="Run options").click()
    look("run options")
    page.locator(".plot__frame img").first.click()
    expect(page.locator("#dialog")).to_be_visible()
    look("image")
    page.locator(".msg--user").first.hover()
    page.locator(".msg--user").first.get_by_role("link", name="Edit").click()
    expect(page.locator("#dialog")).to_be_visible()
    look("editing a message")
    if width == 360:
        page.get_by_role("button", name="Menu").click()
        look("menu")
        page.locator(".tabbar [data-panel=setup]").click()
        page.get_by_role("button", name="More for this assistant").click()
        menu = page.locator("#setup-menu")
        expect(menu.get_by_role("link", name="Delete")).to_be_in_viewport(ratio=1)
        assert menu.evaluate("menu => menu.scrollWidth - menu.clientWidth") == 0
        look("menu of the assistant")
    elif width == 900:
        page.get_by_role("button", name="Open inspector").click()
        look("inspector")
    else:
        page.get_by_role("button", name="Hide setup").click()
        page.get_by_role("button", name="Hide inspector").click()
        look("without panels")
    assert found == {}


@pytest.mark.timeout(300)
def test_at_400_percent_nothing_is_wider_than_the_screen(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    for name, address in addresses(ids).items():
        visit(page, stack, address)
        tabs: list[Locator | None] = [*page.locator(".tabbar [data-panel]").all()]
        for tab in tabs or [None]:
            if tab is not None:
                tab.click()
            wide, beyond = page.evaluate(
                """[document.documentElement.scrollWidth,
                    [...document.querySelectorAll("main *, aside *")].filter(one => {
                    const box = one.getBoundingClientRect();
                    // What scrolls by itself may be wide: code, tables, tabs, attachments.
                    const scrolls =
                        "pre, .table-wrap, .tabs, .composer__files, .formula, .sr-only";
                    return box.width && box.right > 321 && one.checkVisibility() &&
                        !one.closest(scrolls) && !one.closest("svg")
                        && getComputedStyle(one.parentElement).overflowX === "visible";
                }).map(one => one.outerHTML.slice(0, 100))]"""
            )
            assert wide <= 320, name
            assert beyond == [], name


def test_at_400_percent_messages_can_be_read_and_written(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    visit(page, stack, f"/threads/{ids['thread_id']}")
    scroller = page.locator("#scroller").bounding_box()
    assert scroller
    assert scroller["height"] >= 200
    page.locator("#draft").click()
    page.keyboard.type("Enlarged")
    expect(page.locator("#draft")).to_be_in_viewport()
    expect(page.locator("[value=run]")).to_be_visible()


@pytest.mark.timeout(300)
def test_every_control_is_reached_and_shown_by_the_tab_key(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    """In the order of the page, each with something around it that was not there before."""
    page.emulate_media(reduced_motion="reduce")
    rail_is_known = False
    for name, address in addresses(ids).items():
        if name == "styleguide":
            continue  # the same controls, hundreds of them
        visit(page, stack, address)
        has_rail, count = page.evaluate(
            """railIsKnown => {
                const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
                // Of radio buttons the chosen one is a stop, and arrows lead to the others.
                const can = one => one.checkVisibility({visibilityProperty: true}) &&
                    !one.disabled && one.tabIndex === 0 && one.type !== "hidden" &&
                    (one.type !== "radio" || one.checked) && !one.closest("dialog");
                window.wanted = [...document.querySelectorAll(all)].filter(can);
                const rail = wanted.filter(one => one.closest(".rail"));
                // From the top of the page, whatever has the focus at first; the rail, which every
                // page has alike, is walked through once.
                if (railIsKnown && rail.length) {
                    rail.at(-1).focus();
                    window.wanted = wanted.slice(wanted.indexOf(rail.at(-1)) + 1);
                } else {
                    document.body.tabIndex = -1;
                    document.body.focus();
                }
                window.stops = [];
                addEventListener("focusin", ({target}) => {
                    // Scrolling parts are stops of their own in Chromium.
                    if (!wanted.includes(target)) return;
                    const style = getComputedStyle(target.matches(".sr-only, .composer__text") ?
                        target.parentElement : target);
                    const shown = style.outlineStyle !== "none" &&
                        parseFloat(style.outlineWidth) >= 1;
                    stops.push([wanted.indexOf(target), shown]);
                });
                return [rail.length > 0, wanted.length];
            }""",
            rail_is_known,
        )
        rail_is_known |= has_rail
        stops: list[tuple[int, bool]] = []
        for _ in range(5):
            # Held down, which takes half the time of pressing it as often.
            for _ in range(count - len(stops) + 2):
                page.keyboard.down("Tab")
            page.keyboard.up("Tab")
            stops = page.evaluate("stops")
            if len(stops) >= count:
                break
        # After the last one it begins from the top again.
        places = list(dict.fromkeys(place for place, _ in stops))
        unseen = [place for place, shown in stops if not shown]
        missed = sorted(set(range(count)) - set(places))
        told = "places => places.map(place => window.wanted[place].outerHTML.slice(0, 120))"
        assert not unseen, (name, "nothing shows the focus on", page.evaluate(told, unseen[:3]))
        assert not missed, (name, page.evaluate(told, missed[:3]))
        assert places == sorted(places), (name, "the order of the page", places)


def test_nothing_moves_for_who_wants_no_motion(
    page: Page, stack: Stack, ids: dict[str, str]
) -> None:
    moving = "document.getAnimations().filter(one => one.playState === 'running').length"
    page.emulate_media(reduced_motion="no-preference")
    visit(page, stack, "/styleguide/")
    assert page.evaluate(moving) > 0, "what spins and blinks is in the styleguide"
    page.emulate_media(reduced_motion="reduce")
    for name, address in addresses(ids).items():
        visit(page, stack, address)
        assert page.evaluate(moving) == 0, name
        slow = page.evaluate(
            """[...document.querySelectorAll("*")].filter(one => {
                const style = getComputedStyle(one);
                return style.scrollBehavior === "smooth" || style.animationName !== "none" ||
                    style.transitionDuration.split(",").some(time => parseFloat(time) > 0);
            }).length"""
        )
        assert slow == 0, name


def different(before: bytes, after: bytes) -> float:
    """The share of pixels in which two pictures of one size differ."""
    left, right = (Image.open(io.BytesIO(picture)).convert("L") for picture in (before, after))
    assert left.size == right.size
    pairs = zip(left.tobytes(), right.tobytes(), strict=True)
    return sum(abs(one - other) > 40 for one, other in pairs) / (left.width * left.height)


@pytest.fixture
def forced(context: BrowserContext, stack: Stack) -> Page:
    """The styleguide, in the few colours that a person's system allows."""
    page = context.new_page()
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.goto(stack.login_path)
    visit(page, stack, "/styleguide/")
    return page


@pytest.mark.parametrize(
    "part, otherwise",
    [
        (".switch:checked:enabled", "one => (one.checked = false)"),
        (".seg__item[aria-current=true]", "one => one.removeAttribute('aria-current')"),
        (".seg__item[aria-pressed=true]", "one => (one.ariaPressed = 'false')"),
        (".tab[aria-current]", "one => one.removeAttribute('aria-current')"),
        (".nav__item[aria-current]", "one => one.removeAttribute('aria-current')"),
        (".btn--primary:enabled", "one => (one.disabled = true)"),
        (".timeline rect", "one => one.remove()"),
        (".caret", "one => one.classList.remove('caret')"),
        ("progress", "one => (one.value = 0)"),
    ],
)
def test_without_our_colours_a_state_is_still_seen(forced: Page, part: str, otherwise: str) -> None:
    one = forced.locator(f"main {part}:visible").first
    one.scroll_into_view_if_needed()
    box = one.bounding_box()
    assert box
    around = {"x": box["x"] - 3, "y": box["y"] - 3}
    around |= {"width": box["width"] + 6, "height": box["height"] + 6}
    before = forced.screenshot(clip=around)  # type: ignore[arg-type]
    one.evaluate(otherwise)
    after = forced.screenshot(clip=around)  # type: ignore[arg-type]
    assert different(before, after) > UNSEEN

"""A word that an input method has not finished yet: its Enter chooses it, and sends no form."""

import pytest
from playwright.sync_api import Locator, Page, expect


def compose(field: Locator) -> None:
    """Begin a word, and choose it with the Enter key."""
    field.focus()
    page = field.page
    client = page.context.new_cdp_session(page)
    client.send("Input.imeSetComposition", {"text": "人事", "selectionStart": 2, "selectionEnd": 2})
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    "address,name",
    [
        ("/assistants/new", "name"),
        ("/assistants/{assistant_id}", "name"),
        ("/projects/new", "name"),
        ("/vector-stores/new", "title"),
        ("/threads/{thread_id}/rename", "title"),
        ("/threads", "q"),
        ("/settings/providers/new?like=azure", "label"),
    ],
)
def test_enter_within_a_word_sends_no_form(
    page: Page, ids: dict[str, str], address: str, name: str
) -> None:
    page.goto(address.format(**ids))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    field = page.locator(f"main [name={name}]").first
    begun = page.url.partition("?")[0]
    compose(field)
    page.wait_for_timeout(200)
    assert not [one for one in sent if one.startswith("POST")]
    # A search goes on as one types.
    assert page.url.partition("?")[0] == begun


def test_enter_that_comes_after_the_end_of_its_word_sends_no_form(page: Page) -> None:
    """As in Safari: of the same key, the end of the word is told first."""
    page.goto("/assistants/new")
    taken = page.get_by_label("Name", exact=True).evaluate(
        """field => {
            const init = {key: "Enter", bubbles: true, cancelable: true};
            const press = more => !field.dispatchEvent(
                new KeyboardEvent("keydown", {...init, ...more}));
            const compose = type => field.dispatchEvent(new CompositionEvent(type, init));
            compose("compositionstart");
            const within = press();
            compose("compositionend");
            return [within, press(), press({keyCode: 229})];
        }"""
    )
    assert taken == [True, True, True]


def test_a_field_that_goes_amid_its_word_leaves_the_keys_to_others(page: Page) -> None:
    """The end of its word is told to nobody."""
    page.goto("/assistants/new")
    taken = page.get_by_label("Name", exact=True).evaluate(
        """field => {
            const init = {bubbles: true, cancelable: true};
            const enter = new KeyboardEvent("keydown", {...init, key: "Enter"});
            field.dispatchEvent(new CompositionEvent("compositionstart", init));
            field.remove();
            return !document.querySelector("main button").dispatchEvent(enter);
        }"""
    )
    assert taken is False


def test_enter_after_the_word_sends_the_form(page: Page) -> None:
    page.goto("/assistants/new")
    field = page.get_by_label("Name", exact=True)
    compose(field)
    client = page.context.new_cdp_session(page)
    client.send("Input.insertText", {"text": "人事"})
    expect(field).to_have_value("人事")
    field.press("Enter")
    expect(page.get_by_role("heading", name="Ask 人事")).to_be_visible()

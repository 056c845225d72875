"""Every page of the studio, written down once, and a project that has something on each of them.

Whoever adds an address adds it here: to ``PAGES`` or to ``NOT_PAGES``. A test sees to it.
"""

import time
import warnings
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.stack import Stack

THEMES: Final = ("light", "dark")
LANGUAGES: Final = ("en", "zh-Hant")
"""The languages of the pages, as ``<html lang>`` has them."""


@dataclass(frozen=True)
class Place:
    """A page. ``name`` is what its pictures are called, ``address`` has names of ids in it."""

    name: str
    address: str
    shown: bool = True
    """Whether it is among the pictures: those that look like another are left out."""


PAGES: Final = (
    Place("login", "/login"),
    Place("assistants", "/assistants"),
    Place("assistants-none-found", "/assistants?q=zebra", shown=False),
    Place("assistant-new", "/assistants/new"),
    Place("assistant-import", "/assistants/import"),
    Place("assistant", "/assistants/{assistant_id}"),
    Place("assistant-instructions", "/assistants/{assistant_id}/instructions"),
    Place("assistant-delete", "/assistants/{assistant_id}/delete"),
    Place("threads", "/threads"),
    Place("threads-none-found", "/threads?q=zebra"),
    Place("thread-new", "/threads/new"),
    Place("thread-import", "/threads/import"),
    Place("thread", "/threads/{thread_id}"),
    Place("thread-setup", "/threads/{thread_id}?panel=setup", shown=False),
    Place("thread-function", "/threads/{waiting_id}"),
    Place("thread-citations", "/threads/{cited_id}"),
    Place("inspector-steps", "/threads/{thread_id}?tab=steps"),
    Place("inspector-events", "/threads/{thread_id}?tab=events"),
    Place("inspector-json", "/threads/{thread_id}?tab=json"),
    Place("inspector-code", "/threads/{thread_id}?tab=code"),
    Place("inspector-usage", "/threads/{thread_id}?tab=usage"),
    Place("thread-rename", "/threads/{thread_id}/rename"),
    Place("thread-export", "/threads/{thread_id}/export"),
    Place("thread-print", "/threads/{thread_id}/print", shown=False),
    Place("thread-delete", "/threads/{thread_id}/delete", shown=False),
    Place("thread-shares", "/threads/{thread_id}/shares"),
    Place("shares", "/shares"),
    Place("shares-revoke", "/shares/revoke", shown=False),
    Place("share", "/shares/{share_id}", shown=False),
    Place("shared", "/s/{token}"),
    Place("shared-copy", "/s/{token}/copy", shown=False),
    Place("message-edit", "/threads/{thread_id}/messages/{message_id}/edit"),
    Place("message-delete", "/threads/{thread_id}/messages/{message_id}/delete", shown=False),
    Place("files", "/files"),
    Place("files-none-found", "/files?q=zebra", shown=False),
    Place("file-text", "/files/{file_id}/text"),
    Place("file-delete", "/files/{file_id}/delete", shown=False),
    Place("vector-stores", "/vector-stores"),
    Place("vector-store-new", "/vector-stores/new", shown=False),
    Place("vector-store", "/vector-stores/{vector_store_id}?q=grid+lines"),
    Place("vector-store-rename", "/vector-stores/{vector_store_id}/rename", shown=False),
    Place("vector-store-delete", "/vector-stores/{vector_store_id}/delete", shown=False),
    Place("settings", "/settings"),
    Place("provider-new", "/settings/providers/new?like=azure"),
    Place("provider", "/settings/providers/{provider_id}", shown=False),
    Place("provider-remove", "/settings/providers/{provider_id}/remove", shown=False),
    Place("audit", "/settings/audit", shown=False),
    Place("key", "/settings/keys/{key_id}", shown=False),
    Place("provider-import", "/settings/providers/{upstream_id}/import"),
    Place("upstream-import", "/settings/imports/{import_id}"),
    Place("key-revoke", "/settings/keys/{key_id}/revoke", shown=False),
    Place("shortcuts", "/shortcuts", shown=False),
    Place("account", "/account"),
    Place("project", "/projects/{project_id}"),
    Place("project-new", "/projects/new", shown=False),
    Place("project-delete", "/projects/{project_id}/delete", shown=False),
    Place("project-leave", "/projects/{project_id}/leave", shown=False),
    Place("member-remove", "/projects/{project_id}/members/1/remove", shown=False),
    Place("join", "/join/{invitation_id}/{secret}"),
    Place("not-found", "/nothing/here"),
    Place("styleguide", "/styleguide/", shown=False),
)

NOT_PAGES: Final = {
    "lead to a page": {
        *("home", "inspect", "inspect-new", "inspect-events", "thread-earlier"),
        *("oidc", "oidc-callback"),
    },
    "take a form": {
        *("share-revoke", "shared-password", "shared-preferences"),
        *(
            "logout",
            "theme",
            "set_language",
            "assistant-duplicate",
            "thread-create",
            "thread-messages",
        ),
        *("run-cancel", "run-outputs", "run-regenerate", "file-discard", "vector-store-remove"),
        *("password", "session-end", "sessions-end", "project-choose", "invite"),
        *("invitation-revoke", "member-role"),
        *("vector-store-expiry", "vector-store-use", "alias-set", "alias-delete", "key-create"),
        *("upstream-import-stop", "upstream-import-resume"),
        "budget",
    },
    "are a part of a page": {
        *("searched-files", "vector-store-files", "health-strip", "shared-earlier"),
        *("file-large", "shared-large", "shared-passage", "run-limits"),
    },
    "are a file, text or a stream": {
        *("assistant-export", "message-text", "inspect-raw", "file-content", "thread-events"),
        *("shared-events", "shared-file", "audit-export", "thread-download"),
    },
}
"""The names of all other addresses, by what they do."""

HANDBOOK: Final = """# Handbook of plots

Add grid lines to any plot that a reader takes values from.

Label both axes, with units in brackets. Colours that differ in lightness can be told apart by
everybody. A title says what the plot shows, not what it is made of.
"""
RAIN: Final = b"station,month,rain_mm\nOslo,1,49\nOslo,2,36\nBergen,1,190\nBergen,2,152\n"
WEATHER: Final = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}


def addresses(ids: dict[str, str]) -> dict[str, str]:
    """The address of every page, by its name."""
    return {place.name: place.address.format(**ids) for place in PAGES}


def speak(page: Page, stack: Stack, language: str) -> None:
    """Have pages come in this language, as if it had been chosen."""
    chosen = {"name": "playground_language", "value": language.lower(), "url": stack.url}
    page.context.add_cookies([chosen])  # type: ignore[list-item]


def visit(page: Page, stack: Stack, address: str) -> None:
    """Open a page that has all its parts: signed in, but for the one where that is done."""
    if address == "/login":
        # A page that still listens would be sent away.
        page.goto("about:blank")
        page.context.clear_cookies(name="playground_session")
    elif not any(cookie["name"] == "playground_session" for cookie in page.context.cookies()):
        page.goto(stack.login_path)
    page.goto(address)
    assert (urlsplit(page.url).path == "/login") == (address == "/login"), address
    # The rail asks how the services are, and shows the answer in its own place.
    expect(page.locator("#health[hx-trigger^=load], .htmx-request")).to_have_count(0)


def fill(page: Page, stack: Stack) -> dict[str, str]:
    """Give the project something of everything, with the demo model. The page is signed in.

    :return: the ids that addresses name
    """
    # The package says with each call that the API is no more.
    warnings.simplefilter("ignore", DeprecationWarning)
    api = OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key)
    handbook = api.files.create(file=("handbook.md", HANDBOOK.encode()), purpose="assistants")
    rain = api.files.create(file=("rainfall by station.csv", RAIN), purpose="assistants")
    store = api.vector_stores.create(name="Handbooks", file_ids=[handbook.id])
    drawing = api.beta.assistants.create(
        name="Data Visualization",
        description="Draws what it is asked for",
        instructions="You are a helpful AI assistant who makes interesting visualizations "
        "based on data.",
        model="demo",
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [rain.id]}},
    )
    reading = api.beta.assistants.create(
        name="Handbook answers",
        instructions="Answer from the handbook, and say where it stands.",
        model="demo",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    weather = api.beta.assistants.create(
        name="Weather desk",
        model="demo",
        tools=[{"type": "function", "function": WEATHER}],  # type: ignore[typeddict-item]
    )
    while api.vector_stores.retrieve(store.id).status != "completed":
        time.sleep(0.1)
    waiting = _said(api, weather.id, "What is the weather in Oslo?")
    cited = _said(api, reading.id, "What does the handbook say about colours?")
    _said(api, drawing.id, "I need to solve the equation 3x + 11 = 14. Can you help me?")
    drawn = _said(
        api,
        drawing.id,
        "Create a visualization of a sinewave",
        "I prefer visualizations in darkmode, can you make a darkmode version of this "
        "visualization?",
    )
    first = api.beta.threads.messages.list(drawn, order="asc", limit=1).data[0]
    return {
        "assistant_id": drawing.id,
        "thread_id": drawn,
        "message_id": first.id,
        "waiting_id": waiting,
        "cited_id": cited,
        "file_id": handbook.id,
        "vector_store_id": store.id,
        **_shared(page, drawn),
        **_settings(page, stack),
    }


def _said(api: OpenAI, assistant_id: str, *questions: str) -> str:
    """A thread on which these were asked and answered, or wait for a function."""
    thread = api.beta.threads.create()
    for question in questions:
        api.beta.threads.messages.create(thread.id, role="user", content=question)
        run = api.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant_id, poll_interval_ms=100
        )
        assert run.status in ("completed", "requires_action"), run.last_error
    return thread.id


def _shared(page: Page, thread_id: str) -> dict[str, str]:
    """A link to the thread that lets people copy it, made on its page."""
    page.goto(f"/threads/{thread_id}/shares")
    page.get_by_label("continue in a copy").check()
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    share = page.get_by_role("link", name="Change this link").get_attribute("href") or ""
    return {"token": link.split("/")[-1], "share_id": share.split("/")[-1]}


def _settings(page: Page, stack: Stack) -> dict[str, str]:
    """A provider, an alias and a key, made on their page."""
    page.goto("/settings/providers/new?like=ollama")
    page.get_by_label("Address").fill(stack.chat.url)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_label("Programs ask for").fill("gpt-4-1106-preview")
    page.get_by_role("button", name="Set alias").click()
    page.get_by_label("Name of the new key").fill("Notebook")
    page.get_by_role("button", name="New key").click()
    expect(page.locator("#secret")).to_be_visible()
    upstream_id, import_id = _elsewhere(page, stack)
    page.goto("/settings")
    provider = page.get_by_role("link", name="Edit Ollama").first.get_attribute("href") or ""
    row = page.get_by_role("row").filter(has_text="Notebook")
    revoke = row.get_by_role("link", name="Revoke").get_attribute("href") or ""
    return {
        "provider_id": provider.split("/")[-1],
        "key_id": revoke.split("/")[-2],
        **_people(page),
        "upstream_id": upstream_id,
        "import_id": import_id,
    }


def _people(page: Page) -> dict[str, str]:
    """An invitation, made on the page of the project."""
    page.get_by_role("link", name="Members").first.click()
    page.get_by_label("Name", exact=True).first.fill("Mei")
    page.get_by_label("E-mail address").fill("mei@example.com")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#invitation-link").text_content() or ""
    invitation_id, secret = link.split("/")[-2:]
    return {
        "project_id": page.url.split("/projects/")[1].split("/")[0],
        "invitation_id": invitation_id,
        "secret": secret,
    }


def _elsewhere(page: Page, stack: Stack) -> tuple[str, str]:
    """A server with assistants of its own, and an import of it that brings nothing."""
    page.goto("/settings/providers/new?like=assistants")
    page.get_by_label("Name", exact=True).fill("Team server")
    page.get_by_label("Address").fill(stack.chat.url)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("link", name="Import from Team server").click()
    upstream_id = page.url.split("/")[-2]
    page.locator("#import-threads").fill("thread_gone")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("thread_gone", exact=True)).to_be_visible()
    return upstream_id, page.url.split("/")[-1]

"""Every page in a language that marks what was translated: what stands outside its marks was
forgotten.

⟦Like this····⟧, and longer than English, as many languages are.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from typing_extensions import override

from assistants.models import Assistant, File, Project, Run, RunStatus, Thread
from assistants.operations import steps
from playground.outcomes import of_run
from tests.api.worker import Worker
from tests.factories import make_assistant, make_file, make_run, make_thread, make_vector_store
from tests.playground.conftest import HTMX
from tests.playground.views.test_access import addresses, ids

__all__ = ["ids"]

NAMES = {
    *(
        "API",
        "Assistants",
        "OpenAI",
        "Azure",
        "Ollama",
        "JSON",
        "Top",
        "P",
        "Node",
        "Python",
        "curl",
    ),
    *(
        "English",
        "Enter",
        "Shift",
        "Esc",
        "demo",
        "txt",
        "csv",
        "png",
        "B",
        "kB",
        "Plotter",
        "Notebook",
    ),
    *("x", "a", "bread", "get", "weather", "stock", "price", "send", "mail", "http", "testserver"),
    *(
        "login",
        "token",
        "sk",
        "type",
        "UTC",
        "gpt",
        "o",
        "e",
        "TXT",
        "https",
        "v",
        "my",
        "function",
        "Default",
        "project",
    ),
    *(
        "city",
        "Oslo",
        "days",
        "none",
        "minimal",
        "low",
        "medium",
        "high",
        "xhigh",
        "max",
        "example",
        "owner",
    ),
}
"""Names of things, units, and what the tests have called things: the same in every language."""
SKIPPED = {"script", "style", "pre", "code", "textarea", "kbd", "svg", "bdi"}
SKIPPED_CLASSES = {"n", "s", "m", "k", "mono", "id"}
"""What people or programs have written, ids, and what is no text."""
VOID = {"br", "hr", "img", "input", "link", "meta", "use", "path", "rect"}
SHOWN = ("title", "aria-label", "placeholder", "alt", "label")
IDS = re.compile(
    r"\b(?:asst|thread|msg|run|step|file|vs|key|call|prov|provider|proj|share|invite|import)[_-]\w+"
    r"|\bthread\.[a-z._]+\b"
    r"|…[A-Za-z0-9]{4}\b"  # the end of an id
)


@pytest.fixture
def thread(project: Project) -> Thread:
    """A thread whose words are none."""
    return make_thread(project, "7 7 7")


def pseudo(text: str) -> str:
    return f"⟦{text}{'·' * (len(text) // 3 + 2)}⟧"


@pytest.fixture
def marked_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of every language."""
    translation.gettext("")  # has Django make its choice
    chosen = translation._trans  # type: ignore[attr-defined]
    monkeypatch.setattr(chosen, "gettext", lambda text: pseudo(str(text)))
    monkeypatch.setattr(chosen, "pgettext", lambda _context, text: pseudo(str(text)))
    monkeypatch.setattr(chosen, "ngettext", lambda one, many, n: pseudo(one if n == 1 else many))
    monkeypatch.setattr(
        chosen, "npgettext", lambda _context, one, many, n: pseudo(one if n == 1 else many)
    )


class Page(HTMLParser):
    """What a page says outside the marks, word by word."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.marks = 0
        self._depth = 0
        self._open: list[tuple[str, bool]] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attrs).get("class") or "").split())
        if tag not in VOID:
            self._open.append((tag, tag in SKIPPED or bool(classes & SKIPPED_CLASSES)))
        for name, value in attrs:
            if name in SHOWN and value:
                inner = re.sub(r"·+", "", value)
                while (outer := re.sub(r"⟦[^⟦⟧]*⟧", "", inner)) != inner:
                    inner = outer
                self._note(inner)

    @override
    def handle_endtag(self, tag: str) -> None:
        while self._open and tag in [name for name, _ in self._open]:
            if self._open.pop()[0] == tag:
                break

    @override
    def handle_data(self, data: str) -> None:
        if any(skipped for _, skipped in self._open):
            return
        outside = []
        for piece in re.split("([⟦⟧])", data):
            if piece == "⟦":
                self._depth += 1
                self.marks += 1
            elif piece == "⟧":
                self._depth -= 1
            elif not self._depth:
                outside.append(piece)
        self._note(" ".join(outside))

    def _note(self, text: str) -> None:
        words = re.findall("[A-Za-z]+", IDS.sub("", text))
        self.words += [word for word in words if word not in NAMES]


def test_every_page_is_marked(
    ids: dict[str, str], page: Client, marked_language: None, project: Project
) -> None:
    for name, address, _ in addresses(ids):
        if name == "styleguide":
            continue  # its samples are what people and programs have written
        for headers in ({}, HTMX):
            response = page.get(address, headers=headers)
            if "text/html" in response.headers.get("Content-Type", ""):
                found = Page(b"".join(response).decode())
                assert found.words == [], (name, headers)


@pytest.mark.parametrize("tab", ["steps", "events", "json", "code", "usage"])
def test_every_tab_of_the_inspector_is_marked(
    ids: dict[str, str], page: Client, marked_language: None, tab: str
) -> None:
    for address in (
        f"/threads/{ids['thread_id']}",
        f"/threads/new?assistant={ids['assistant_id']}",
    ):
        glue = "&" if "?" in address else "?"
        shown = Page(page.get(f"{address}{glue}tab={tab}").text)
        assert shown.words == []
        assert shown.marks > 50


def test_empty_pages_and_empty_searches_are_marked(
    page: Client, stranger: Client, marked_language: None
) -> None:
    for address in ("/assistants", "/threads", "/files", "/vector-stores", "/settings", "/nothing"):
        for browser, query in ((stranger, ""), (page, "?q=7"), (page, "?page=7")):
            assert Page(browser.get(f"{address}{query}").text).words == [], (address, query)
    assert Page(Client().get("/login").text).words == []
    assert Page(Client().get("/login?token=7").text).words == []


def test_what_is_wrong_in_a_form_is_said_in_marked_words(
    page: Client, ids: dict[str, str], marked_language: None
) -> None:
    functions = ['{"name": ', "[]", '{"name": "x", "parameters": 7}', "{}"]
    wrong: list[tuple[str, dict[str, object]]] = [
        ("/assistants/new", {}),
        ("/assistants/new", {"name": "7" * 300, "temperature": "7", "top_p": "7", "model": "7"}),
        (
            "/assistants/new",
            {"name": "7", "functions": "1", "function": functions, "function_key": list("1234")},
        ),
        (
            "/assistants/new",
            {"name": "7", "response_format": "json_schema", "schema": "{", "metadata_value": "7",
             "metadata_key": ""},
        ),
        ("/assistants/new", {"add_function": "example", "example": "7"}),
        (f"/assistants/{ids['assistant_id']}", {"version": "7", "name": "7"}),
        (f"/assistants/{ids['assistant_id']}/instructions", {"version": "7"}),
        ("/assistants/import", {}),
        ("/settings/keys", {"name": ""}),
        ("/settings/aliases", {"name": "", "model": ""}),
        ("/settings/aliases", {"name": "7", "model": "7"}),
        ("/settings/providers/new", {}),
        ("/settings/providers/new",
         {"kind": "azure", "label": "7", "base_url": "7", "api_key": "7 7", "api_version": "/",
          "model_name": ["7", "7", ""], "model_window": ["7", "", "7"],
          "model_input": ["", "", ""], "model_output": ["", "", ""]}),
        ("/threads/begin", {"action": "run"}),
        (f"/threads/{ids['thread_id']}/messages", {"action": "add"}),
        (f"/threads/{ids['thread_id']}/messages", {"action": "run", "content": "7"}),
        (f"/threads/{ids['thread_id']}/messages",
         {"action": "run", "content": "7", "run-temperature": "7"}),
        (f"/threads/{ids['thread_id']}/rename", {"title": "7" * 600}),
        ("/login", {"token": "7"}),
    ]  # fmt: skip
    for address, given in wrong:
        response = page.post(address, given)
        assert response.status_code in (302, 403, 409, 422), (address, response.status_code)
        assert Page(response.text).words == [], (address, given)


def test_what_was_done_is_said_in_marked_words(
    page: Client, ids: dict[str, str], marked_language: None
) -> None:
    done: list[tuple[str, dict[str, str]]] = [
        ("/settings/aliases", {"name": "7", "model": "demo"}),
        ("/settings/aliases/delete", {"name": "7"}),
        ("/settings/keys", {"name": "7"}),
        (f"/settings/keys/{ids['key_id']}/revoke", {}),
        (f"/settings/providers/{ids['provider_id']}/remove", {}),
        (f"/assistants/{ids['assistant_id']}/duplicate", {}),
        (f"/vector-stores/{ids['vector_store_id']}/expiry", {"days": "7"}),
        (f"/vector-stores/{ids['vector_store_id']}/expiry", {"days": "6"}),
        (f"/vector-stores/{ids['vector_store_id']}/use", {"owner": ids["assistant_id"]}),
        (f"/vector-stores/{ids['vector_store_id']}/use", {"owner": ids["thread_id"]}),
        (f"/vector-stores/{ids['vector_store_id']}/delete", {}),
        (f"/files/{ids['file_id']}/delete", {}),
        (f"/assistants/{ids['assistant_id']}/delete", {}),
        (f"/threads/{ids['thread_id']}/delete", {}),
    ]
    for address, given in done:
        response = page.post(address, given, follow=True)
        assert response.status_code == 200, address
        assert Page(response.text).words == [], address


ENDED = timedelta(minutes=1)


def runs(run: Run) -> Iterator[Run]:
    """The run in every state, for every reason."""
    now = timezone.now()
    functions = {"tool_calls": [{"id": "call_1"}, {"id": "call_2"}]}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": functions}
    states: list[tuple[str, dict[str, object]]] = [
        (RunStatus.QUEUED, {}),
        (RunStatus.REQUIRES_ACTION, {"required_action": action, "expires_at": now + ENDED}),
        (RunStatus.CANCELLING, {}),
        (RunStatus.CANCELLED, {"cancelled_at": now}),
        (RunStatus.EXPIRED, {"expires_at": now, "started_at": now}),
        (RunStatus.EXPIRED, {"expires_at": now, "started_at": None}),
    ]
    for code in ("rate_limit_exceeded", "invalid_prompt", "server_error"):
        error = {"code": code, "message": "The file is empty."}
        states.append((RunStatus.FAILED, {"last_error": error}))
    for reason in ("content_filter", "max_prompt_tokens", "max_completion_tokens"):
        details = {"reason": reason}
        states.append((RunStatus.INCOMPLETE, {"incomplete_details": details}))
    for status, fields in states:
        run.status = status
        for name, value in fields.items():
            setattr(run, name, value)
        yield run


def test_every_end_of_a_run_is_told_in_marked_words(
    thread: Thread, assistant: Assistant, marked_language: None
) -> None:
    for run in runs(make_run(thread, assistant)):
        outcome = of_run(run)
        assert outcome
        for text in (outcome.title, outcome.text, outcome.advice, outcome.again):
            assert Page(text).words == [], (run.status, text)


def call_of(tool: str, **given: object) -> dict[str, Any]:
    return {"id": f"call_{tool}", "type": tool, tool: given}


@pytest.fixture
def everything(project: Project, assistant: Assistant, thread: Thread) -> Thread:
    """A thread with all that runs can do: code, searches, figures, citations, a call that waits."""
    figure = make_file(project, b"7", "7.png")
    gone = {"role": "user", "content": "7", "attachments": [{"file_id": figure.id, "tools": []}]}
    run = make_run(
        thread,
        assistant,
        additional_messages=[gone],
        temperature=0.7,
        truncation_strategy={"type": "last_messages", "last_messages": 7},
        tool_choice={"type": "code_interpreter"},
    )
    worker = Worker(run.id)
    traceback = "-" * 75 + "\nKeyError       Traceback (most recent call last)\nKeyError: 7\n"
    logs = {"type": "logs", "logs": "7\n" * 70 + traceback}
    image = {"type": "image", "image": {"file_id": figure.id}}
    passage = {"type": "text", "text": "7"}
    found = {"file_id": "7", "file_name": "7", "score": 0.7, "attributes": {}, "content": [passage]}
    queries: dict[str, Any] = {"number": 1, "queries": ["7"], "pages": {}}
    for calls in (
        [call_of("code_interpreter", input="7", outputs=[image])],
        [call_of("code_interpreter", input="7", outputs=[logs])],
        [call_of("file_search", results=[found]), call_of("file_search", results=[])],
    ):
        step = steps.begin_tool_calls(worker.run)
        searches = {"call_file_search": queries}
        steps.finish_tool_calls(worker.run, step, calls, None, {}, searches)
    step, message = worker.begin_message()
    cited = {"type": "file_citation", "text": "【1:0†7】", "start_index": 2, "end_index": 9,
             "file_citation": {"file_id": "7", "quote": "7", "page": 7}}  # fmt: skip
    value = "7 【1:0†7】\n\n```python\n7\n```\n\n```\n7\n```\n"
    content = [{"type": "text", "text": {"value": value, "annotations": [cited]}}]
    steps.finish_message(worker.run, step, message, content, None)
    worker.fail("The provider's content filter stopped the answer. Ask in other words.")
    waiting = Worker(make_run(thread, assistant).id)
    waiting.call("get_weather", "{}")
    return thread


def test_all_that_runs_can_do_is_told_in_marked_words(
    page: Client, everything: Thread, marked_language: None
) -> None:
    address = f"/threads/{everything.id}"
    for tab in ("steps", "events", "json", "code", "usage"):
        for run in everything.runs.all():
            shown = Page(page.get(f"{address}?tab={tab}&run={run.id}").text)
            assert shown.words == [], tab
    File.objects.all().delete()
    assert Page(page.get(address).text).words == []
    Assistant.objects.all().delete()
    make_assistant(everything.project, name="7")
    assert Page(page.get(address).text).words == []


def test_who_uses_a_file_is_told_in_marked_words(
    project: Project, page: Client, marked_language: None
) -> None:
    file = make_file(project, filename="a.txt")
    for name in ("Plotter", "Notebook"):
        resources = {"code_interpreter": {"file_ids": [file.id]}}
        tools = [{"type": "code_interpreter"}]
        make_assistant(project, name=name, tools=tools, tool_resources=resources)
    make_vector_store(project, "bread")
    make_thread(project, "7")
    for address in ("/files", f"/files/{file.id}/delete", "/vector-stores"):
        assert Page(page.get(address).text).words == [], address


# --- And in Chinese -------------------------------------------------------------------------------

LATIN = NAMES | {
    *("API", "AI", "SDK", "ID", "URL", "LiteLLM", "vLLM", "llama", "cpp", "Chat", "Completions"),
    *("Redis", "Cgroup", "AzureOpenAI", "PLAYGROUND", "KEY", "BASE", "ENDPOINT", "OPENAI", "AZURE"),
    *("jq", "Unix", "root", "SECRET", "Cookie", "make", "ALLOWED", "HOSTS", "PUBLIC", "ms", "sine"),
    *("DATA", "DIR", "docs", "interpreter", "md", "US", "Markdown", "Jupyter", "zip"),
    *("Default", "project", "owner", "manage", "py", "createowner", "changepassword"),
    *("PDF", "Word"),
}
"""What stands in Chinese text in Latin letters."""


def test_every_page_in_chinese_is_in_chinese(ids: dict[str, str], page: Client) -> None:
    headers = {"Accept-Language": "zh-TW"}
    for name, address, _ in addresses(ids):
        if name == "styleguide":
            continue  # its samples are what people and programs have written
        response = page.get(address, headers=headers)
        if response.streaming or "<html" not in response.text:
            continue
        found = Page(response.text)
        assert [word for word in found.words if word not in LATIN] == [], name
        assert re.search("[一-鿿]", response.text), name

"""The programs that "Code" shows: they run as they are, and do again what the thread did."""

import ast
import html
import io
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI

from assistants.models import Assistant, Project, Run, RunStep
from assistants.operations import files, messages
from assistants.params import MessageCreate, validate
from playground.samples import LANGUAGES, sample
from playground.samples.literals import JAVASCRIPT, JSON, PYTHON, write
from tests.api.worker import Worker
from tests.factories import make_assistant, make_run, make_thread
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ADDRESS = "http://127.0.0.1:8000/v1"
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"
CODE = {"type": "code_interpreter"}
NAME = 'It\'s "quoted"'
INSTRUCTIONS = "First line.\nSecond line with 'quotes', \\ and $HOME.\n\n" + "A long one. " * 20
TABLE = b"month,rain\nJanuary,3\nFebruary,4\nMarch,8\n"
ODD = 'Say "it\'s\nfine" & <done> `x` ${y} {{ z }}'
PROGRAMS = {
    "python": ("sample.py", [sys.executable, "-W", "ignore", "sample.py"]),
    "node": ("sample.mjs", ["node", "--no-deprecation", "sample.mjs"]),
    "curl": ("sample.sh", ["bash", "sample.sh"]),
}


@pytest.fixture(scope="module")
def client(stack: Stack) -> OpenAI:
    return OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key)


@pytest.fixture(scope="module")
def thread_id(client: OpenAI) -> str:
    """A thread with two files, messages without a run between them, and two runs, whose assistant
    has settings that all have to be quoted with care.
    """
    own = client.files.create(file=("notes.txt", b"It rains in March."), purpose="assistants")
    rain = client.files.create(file=("rain.csv", TABLE), purpose="assistants")
    assistant = client.beta.assistants.create(
        name=NAME,
        model="demo",
        instructions=INSTRUCTIONS,
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [own.id]}},
        metadata={"key": "a'b", "__proto__": "c"},
        temperature=0.0,
        top_p=0.5,
    )
    thread = client.beta.threads.create()

    def say(content: str, *file_ids: str) -> None:
        client.beta.threads.messages.create(
            thread_id=thread.id,
            role="user",
            content=content,
            attachments=[
                {"file_id": file_id, "tools": [{"type": "code_interpreter"}]}
                for file_id in file_ids
            ],
        )

    def run(**options: Any) -> None:
        ended = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant.id, **options
        )
        assert ended.status == "completed"

    say(ODD)
    say("What is 6 * 7?")
    run()
    say("Create a visualization of a sinewave", rain.id)
    run(temperature=0.25, additional_instructions=ODD)
    return thread.id


class Pages:
    """The pages of the stack, as its owner's browser fetches them."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.url
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._browser = urllib.request.build_opener(cookies)
        self._get(stack.login_path)

    def program(self, thread_id: str, language: str) -> str:
        """The program that the inspector shows."""
        page = self._get(f"/threads/{thread_id}/inspect?tab=code&language={language}")
        found = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
        assert found
        return html.unescape(re.sub(r"<[^>]+>", "", found[1]))

    def last_used_thread(self) -> str:
        """The id of the first thread that the rail lists."""
        found = re.search(r'href="/threads/(thread_\w+)"', self._get("/threads"))
        assert found
        return found[1]

    def _get(self, path: str) -> str:
        request = urllib.request.Request(self._url + path, headers={"HX-Request": "true"})
        with self._browser.open(request) as response:
            return str(response.read().decode())


def said(client: OpenAI, thread_id: str) -> list[tuple[str, Any, Any]]:
    """What was put on a thread from outside."""
    found = client.beta.threads.messages.list(thread_id=thread_id, order="asc")
    return [
        (message.role, message.content, message.attachments)
        for message in found
        if message.run_id is None
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_does_again_what_the_thread_did(
    stack: Stack, client: OpenAI, thread_id: str, tmp_path: Path, language: str
) -> None:
    pages = Pages(stack)
    code, told, complaints = run_program(
        stack.api_key, tmp_path, language, pages.program(thread_id, language)
    )
    assert (code, complaints) == (0, "")
    assert "42" in told
    (image,) = tmp_path.glob("*.png")
    assert image.read_bytes().startswith(b"\x89PNG")
    assert f"Saved {image.name}" in told

    again = pages.last_used_thread()
    assert again != thread_id
    assert said(client, again) == said(client, thread_id)
    runs = [client.beta.threads.runs.list(thread_id=one).data for one in (thread_id, again)]
    assert [len(found) for found in runs] == [2, 2]
    ran = [[(run.temperature, run.instructions) for run in found] for found in runs]
    assert ran[0] == ran[1] == [(0.25, f"{INSTRUCTIONS}\n{ODD}"), (0.0, INSTRUCTIONS)]
    one, other = (
        client.beta.assistants.retrieve(found[0].assistant_id).model_dump() for found in runs
    )
    assert one["id"] != other["id"]
    for made in (one, other):
        del made["id"], made["created_at"]
    assert one == other


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
STOCK = {"type": "function", "function": {"name": "get_stock_price"}}


@pytest.fixture(scope="module")
def answered_thread_id(client: OpenAI) -> str:
    """A thread on which one of two functions was called twice, with another output each time."""
    assistant = client.beta.assistants.create(model="demo", tools=[WEATHER, STOCK])  # type: ignore[list-item]
    thread = client.beta.threads.create()
    for degrees in ("4 'degrees'", "28 degrees"):
        client.beta.threads.messages.create(
            thread_id=thread.id, role="user", content="get_weather of Paris"
        )
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant.id
        )
        assert run.required_action
        (call,) = run.required_action.submit_tool_outputs.tool_calls
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            thread_id=thread.id,
            run_id=run.id,
            tool_outputs=[{"tool_call_id": call.id, "output": degrees}],
        )
        assert run.status == "completed"
    return thread.id


def run_program(key: str, folder: Path, language: str, text: str) -> tuple[int, str, str]:
    """Its return code, output and error output."""
    name, command = PROGRAMS[language]
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    ended = subprocess.run(
        command,
        cwd=folder,
        env={"PLAYGROUND_API_KEY": key, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_answers_functions_as_they_were_answered(
    stack: Stack, answered_thread_id: str, tmp_path: Path, language: str
) -> None:
    text = Pages(stack).program(answered_thread_id, language)
    code, told, complaints = run_program(stack.api_key, tmp_path, language, text)
    assert (code, complaints) == (0, "")
    assert told.count("get_weather({") == 2
    assert told.index("4 'degrees'") < told.index("28 degrees")
    assert " get_stock_price was not answered there: put its output here." in text
    assert " get_weather was not answered" not in text


class Heard(ThreadingHTTPServer):
    """An API with one run, which calls a function so many times at once and then is completed."""

    def __init__(self, function: str, calls: int, refusal: str) -> None:
        """
        :param refusal: said to outputs in place of taking them
        """
        super().__init__(("127.0.0.1", 0), _Answers)
        self.function, self.calls, self.refusal = function, calls, refusal
        self.bodies: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def run(self) -> dict[str, Any]:
        if "submit_tool_outputs" in self.bodies:
            return {"id": "run_1", "status": "completed"}
        function = {"name": self.function, "arguments": "{}"}
        calls = [
            {"id": f"call_{number}", "type": "function", "function": function}
            for number in range(self.calls)
        ]
        action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}
        return {"id": "run_1", "status": "requires_action", "required_action": action}


class _Answers(BaseHTTPRequestHandler):
    server: Heard

    def do_GET(self) -> None:
        self._send({"data": []} if "/messages" in self.path else self.server.run())

    def do_POST(self) -> None:
        noun = self.path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if noun == "submit_tool_outputs" and self.server.refusal:
            self._send({"error": {"message": self.server.refusal}}, 400)
            return
        self.server.bodies[noun] = body
        self._send(self.server.run() if "/runs" in self.path else {"id": f"{noun}_1"})

    def _send(self, answer: Any, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """It keeps still."""


@contextmanager
def heard(function: str = "get_weather", calls: int = 1, refusal: str = "") -> Iterator[Heard]:
    with Heard(function, calls, refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def answered_program(
    language: str, address: str, assistant: Assistant, said: str, outputs: list[str], **options: Any
) -> str:
    """The program for a thread on which a function was answered with these outputs."""
    thread = make_thread(assistant.project, said)
    answer(make_run(thread, assistant, **options), outputs)
    return sample(language, assistant, thread, address)


def answer(run: Run, outputs: list[str]) -> None:
    """The step of a run that called a function, which was answered with these outputs."""
    calls = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": "{}", "output": output},
        }
        for number, output in enumerate(outputs)
    ]
    RunStep.objects.create(
        run=run,
        type="tool_calls",
        step_details={"type": "tool_calls", "tool_calls": calls},
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "function,refusal,told",
    [("get_time", "", "get_time has no output."), ("get_weather", "Not now.", "Not now.")],
)
def test_the_program_ends_where_a_function_cannot_be_answered(
    project: Project, tmp_path: Path, language: str, function: str, refusal: str, told: str
) -> None:
    with heard(function, refusal=refusal) as server:
        assistant = make_assistant(project)
        text = answered_program(language, server.url, assistant, "Look", ["Rain"])
        code, _, complaints = run_program("key", tmp_path, language, text)
    assert code == 1
    assert told in complaints
    assert "KeyError" not in complaints


HOSTILE = [
    ODD,
    "'; touch hacked; echo '",
    "$(touch hacked) `touch hacked` ${HOME} $1 \\",
    "${require('fs')} \\u0041 \\x41 \\' \\\" \u2028\u2029\ufeff",
    "\"\"\" + exit() + '''",
    "first\r\nsecond\n\n\tthird\n",
    "END\nEOF\n# no comment\n// none either */",
    "{% templatetag openblock %} {{ base_url }} {# #}",
    '{"a": [null, true, 1.0]}',
    "😀 雨 \x7f\x1b[31m",
    "x" * 200_000,
    "",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_says_as_it_was_said_what_could_do_harm(
    project: Project, tmp_path: Path, language: str
) -> None:
    """The outputs and texts of others, some of which are longer than an argument may be."""
    said = "\n".join(HOSTILE)
    assistant = make_assistant(project, instructions=said, tools=[WEATHER])
    options = {"additional_instructions": said}
    with heard(calls=len(HOSTILE)) as server:
        text = answered_program(language, server.url, assistant, said, HOSTILE, **options)
        code, _, complaints = run_program("key", tmp_path, language, text)
    assert (code, complaints) == (0, "")
    answers = server.bodies["submit_tool_outputs"]["tool_outputs"]
    assert [answer["output"] for answer in answers] == HOSTILE
    assert server.bodies["assistants"]["instructions"] == said
    assert server.bodies["messages"]["content"] == said
    assert server.bodies["runs"]["additional_instructions"] == said
    assert not (tmp_path / "hacked").exists()


def text_of(assistant: Assistant, *texts: str, language: str = "python") -> str:
    """The program for an assistant and a thread with these messages."""
    return sample(language, assistant, make_thread(assistant.project, *texts), ADDRESS)


def test_what_is_as_by_default_is_left_out(project: Project) -> None:
    plain = make_assistant(project, name="Plain")
    text = sample("node", plain, None, ADDRESS)
    assert 'name: "Plain"' in text
    for name in ("temperature", "top_p", "tools", "metadata", "instructions"):
        assert name not in text
    assert "Create a visualization of a sinewave" in text


def test_tools_are_written_without_nulls_and_defaults(project: Project) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["b", None], "default": None}}}
    function = {"name": "look", "parameters": schema}
    tools = [{"type": "file_search"}, {"type": "function", "function": function}]
    thread = make_thread(project, "Look")
    answer = {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}
    make_run(thread, make_assistant(project), tools=[STOCK], truncation_strategy={"type": "auto"})
    assistant = make_assistant(project, tools=tools, response_format=answer)
    text = sample("python", assistant, thread, ADDRESS)
    for name in ("ranking_options", "hybrid_search", "strict", "last_messages", "description"):
        assert name not in text
    assert '{"type": "file_search"},' in text
    assert text.count('"enum": ["b", None], "default": None') == 2
    assert 'tools=[{"type": "function", "function": {"name": "get_stock_price"}}],' in text
    ranked = {"ranking_options": {"score_threshold": 0.5}, "max_num_results": 3}
    tools = [{"type": "file_search", "file_search": ranked}]
    text = sample("python", make_assistant(project, tools=tools), None, ADDRESS)
    assert '"score_threshold": 0.5' in text
    assert '"max_num_results": 3' in text
    assert "None" not in text


def test_files_that_are_gone_are_not_asked_for(project: Project) -> None:
    kept, gone = (
        files.create(project, io.BytesIO(b"1"), filename=name, purpose="assistants")
        for name in ("kept.csv", "gone.csv")
    )
    resources = {"code_interpreter": {"file_ids": [kept.id, gone.id]}}
    assistant = make_assistant(project, tools=[CODE], tool_resources=resources)
    thread = make_thread(project)
    body = {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look"},
            {"type": "image_file", "image_file": {"file_id": gone.id}},
        ],
        "attachments": [{"file_id": file.id, "tools": [CODE]} for file in (kept, gone)],
    }
    messages.create(thread, validate(MessageCreate, body))
    for language in LANGUAGES:
        assert gone.id in sample(language, assistant, thread, ADDRESS)
    gone_id = gone.id
    files.delete(gone)
    for language in LANGUAGES:
        text = sample(language, assistant, thread, ADDRESS)
        assert gone_id not in text
        assert text.count(kept.id) == 2
        assert "With kept.csv, stored on this server." in text


def test_files_of_the_thread_itself_come_along(project: Project) -> None:
    file = files.create(project, io.BytesIO(b"1"), filename="own.csv", purpose="assistants")
    thread = make_thread(project, "Look")
    thread.tool_resources = {"code_interpreter": {"file_ids": [file.id]}}
    thread.save()
    text = sample("python", make_assistant(project), thread, ADDRESS)
    assert f'tool_resources={{"code_interpreter": {{"file_ids": ["{file.id}"]}}}},' in text


def test_the_assistant_runs_where_the_thread_was_run(project: Project) -> None:
    assistant = make_assistant(project)
    thread = make_thread(project, "One", "Two")
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("Done.")
    worker.complete()
    messages.create(thread, validate(MessageCreate, {"role": "user", "content": "Three"}))
    program = sample("python", assistant, thread, ADDRESS)
    said_in_order = re.findall(r'content="(\w+)"|^(run)\(\)$', program, re.MULTILINE)
    assert ["".join(found) for found in said_in_order] == ["One", "Two", "run", "Three", "run"]
    assert "Done." not in program


def test_a_long_thread_says_how_much_of_it_is_left_out(project: Project) -> None:
    text = text_of(make_assistant(project), *map(str, range(23)))
    assert 'content="19"' in text
    assert 'content="20"' not in text
    assert "goes on with 3 more messages." in text


def test_outputs_of_runs_after_what_is_left_out_are_left_out(project: Project) -> None:
    assistant = make_assistant(project, tools=[WEATHER])
    thread = make_thread(project, *map(str, range(21)))
    answer(make_run(thread, assistant), ["Late"])
    assert "Late" not in sample("python", assistant, thread, ADDRESS)
    thread.messages.oldest_first()[0].delete()
    assert "Late" in sample("python", assistant, thread, ADDRESS)


def test_long_text_is_written_in_pieces_and_nothing_is_wider_than_a_page(project: Project) -> None:
    assistant = make_assistant(project, instructions=INSTRUCTIONS)
    for language in ("python", "node"):
        text = text_of(assistant, "Why? " * 60, language=language)
        assert max(map(len, text.splitlines())) <= 100


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert ast.literal_eval(write(value, PYTHON)) == value
    assert json.loads(write(value, JSON)) == value


def test_javascript_reads_every_value_as_it_was_written() -> None:
    values: list[Any] = [
        {"__proto__": {"a": 1}, "a-b": None, "plain": True, "": []},
        [{"text": ODD * 10}, INSTRUCTIONS, "\u2028\x00\x7f\\", -1.5, {}, "x" * 300],
    ]
    programs = "".join(f"[{write(value, JAVASCRIPT, 2)}]," for value in values)
    script = f"console.log(JSON.stringify([{programs}]))"
    told = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [[value] for value in values]

"""A thread that is taken along: nothing of it is lost, and nothing that others wrote does anything
where it is opened.
"""

import io
import json
import re
import zipfile
from typing import Any

import nbformat
import pytest
from django.test import Client
from markdown_it import MarkdownIt

from assistants.models import File, Message, Project, Thread
from assistants.operations import threads
from playground.exports import names
from playground.exports.harmless import markdown
from playground.rendering.annotations import Annotations
from tests.factories import make_thread
from tests.history import CODE, MARKER, PNG, QUOTE, History

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = [
    "<script>alert(1)</script>",
    "a <img src=https://evil.example/x.png> b",
    "![x](https://evil.example/x.png)",
    "![x][r]\n\n[r]: https://evil.example/x.png",
    "!![x](https://evil.example/x.png)",
    "\\\\![x](https://evil.example/x.png)",
    "\\`<img src=https://evil.example/x>`",
    "# a `\n<img src=https://evil.example/x> `",
    "- `a\n- <b onclick=x>` c",
    "`` ` `` <i>` x",
    "> `\n\n<iframe>`",
    "<!-- ",
    "<?php",
    "| a | `b |\n|---|---|\n| <img src=x> ` | c |",
]


LINKS = [
    "[js](javascript:alert(1))",
    "[js](<javascript:alert(1)>)",
    "[js](\njavascript:alert(1))",
    "[js](java&#115;cript:alert)",
    "[js](javascript\\:alert)",
    "[js](data:text/html,x)",
    "[js](//evil.example)",
    "[js](<java\tscript:alert(1)>)",
    "[js][r]\n\n[r]: javascript:alert(1)",
    "[r]: javascript:alert(1)",
    "- `a\n- [js](vbscript:x) ` c",
    "<javascript:alert(1)>",
]


@pytest.fixture
def history(project: Project) -> History:
    return History(project)


def got(page: Client, thread: Thread, query: str) -> tuple[Any, bytes]:
    response = page.get(f"/threads/{thread.id}/export/file?{query}")
    assert response.status_code == 200
    return response, b"".join(response)


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def read(content: bytes) -> Any:
    """The notebook, which is held against the schema of notebooks."""
    notebook = nbformat.reads(content.decode(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def test_markdown_has_footnotes_steps_and_files(page: Client, history: History) -> None:
    response, content = got(page, history.thread, "format=markdown")
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="draw-it-cite-the-guide.zip"'
    )
    files = unpacked(content)
    text = files["draw-it-cite-the-guide.md"].decode()
    assert "Salt it[^1]. [The table](files/result.csv)" in text
    assert f"[^1]: guide.md, page 2: “{QUOTE}”" in text
    assert f"```python\n{CODE}\n```" in text
    assert "```\ndrawn\n```" in text
    assert "![figure.png](files/figure.png)" in text
    assert '"city": "Oslo"' in text
    assert "```\nrain\n```" in text
    assert "【" not in text
    assert "sandbox:" not in text
    assert [text.index(said) for said in ("Draw **it**", "Salt it", "weather?", "It rains")] == (
        sorted(text.index(said) for said in ("Draw **it**", "Salt it", "weather?", "It rains"))
    )
    assert files["files/figure.png"] == PNG
    assert files["files/result.csv"] == b"x,y\n3,4\n"


def test_markdown_without_steps_and_files_is_one_text(page: Client, history: History) -> None:
    response, content = got(page, history.thread, "format=markdown&chosen=yes")
    assert response.headers["Content-Disposition"].endswith('.md"')
    text = content.decode()
    assert "```" not in text
    assert "files/" not in text
    assert "[^1]: guide.md" in text


def test_numbers_of_footnotes_go_on_through_the_thread(page: Client, history: History) -> None:
    answer = history.answer
    for number in range(70):
        Message.objects.create(
            thread=history.thread, role="assistant", content=answer.content[1:], run_id=None
        )
        assert number < 70
    text = got(page, history.thread, "format=markdown&chosen=yes")[1].decode()
    assert re.findall(r"^\[\^(\d+)\]:", text, re.MULTILINE) == [str(n) for n in range(1, 72)]
    assert text.count("Salt it[^") == 71


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_model_wrote_loads_or_runs_anything(text: str) -> None:
    said = markdown(text, Annotations(), "[^{}]".format, lambda _file_id: None)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(said)
    flat = [inner for token in tokens for inner in (token, *(token.children or ()))]
    assert not {"html_block", "html_inline", "image"} & {token.type for token in flat}, said


class Credulous(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True


@pytest.mark.parametrize("text", LINKS)
def test_a_link_leads_to_a_page_an_address_or_a_file_beside_the_text(text: str) -> None:
    kept = "[page](https://example.org/a) and [mail](mailto:a@example.org)"
    said = markdown(f"{text}\n\n{kept}", Annotations(), str, lambda _id: None)
    shown = Credulous("commonmark").render(f"{said}\n\n[r]")
    assert re.findall(r'href="([^"]*)"', shown) == ["https://example.org/a", "mailto:a@example.org"]


@pytest.mark.parametrize("text", ["```\nopen", "```` \n```\nopen", "~~~py\nx\n```", "a\n\n```"])
def test_code_that_is_left_open_ends_with_its_message(text: str) -> None:
    said = markdown(text, Annotations(), "[^{}]".format, lambda _file_id: None)
    assert MarkdownIt().parse(f"{said}\n\n## Next")[-1].type == "heading_close"


def test_code_stays_as_it_was_and_headings_stand_below_the_messages_own() -> None:
    text = "# Title\n\nA `<b>` and\n\n```html\n<b># x\n```\n\nx[^1] <https://a.example>"
    said = markdown(text, Annotations(), "[^{}]".format, lambda _file_id: None)
    assert said == (
        "### Title\n\nA `<b>` and\n\n```html\n<b># x\n```\n\nx\\[^1] <https://a.example>"
    )


@pytest.mark.parametrize(
    "filename, kept",
    [
        ("../../etc/passwd", "passwd"),
        ('a"\r\nSet-Cookie: x.png', "a_Set-Cookie_ x.png"),
        ("con.txt", "_con.txt"),
        ("-rf", "_-rf"),
        ("...", "_"),
        ("表格.csv", "表格.csv"),
        ("x" * 300 + ".csv", "x" * 76 + ".csv"),
    ],
)
def test_names_of_files_are_no_paths(filename: str, kept: str) -> None:
    assert names.safe(filename) == kept


def test_two_files_of_one_name_lie_beside_each_other() -> None:
    places = names.Places("files")
    for file_id, name in (("file-1", "a.png"), ("file-2", "A.png"), ("file-1", "a.png")):
        places.add(file_id, name)
    assert places.items() == [("file-1", "files/a.png"), ("file-2", "files/A-2.png")]


def test_a_hostile_file_name_stays_a_name(page: Client, history: History) -> None:
    name = "](https://evil.example) <img src=x> `x\r\nX: y .png"
    File.objects.filter(pk__in=[history.figure.id, history.guide.id]).update(filename=name)
    threads.rename(history.thread, 'x"\r\nSet-Cookie: a=b')
    response, content = got(page, history.thread, "format=markdown")
    assert "Set-Cookie" not in response.headers
    assert "\n" not in response.headers["Content-Disposition"]
    (text,) = (body.decode() for path, body in unpacked(content).items() if path.endswith(".md"))
    tokens = MarkdownIt("commonmark", {"html": True}).parse(text)
    flat = [inner for token in tokens for inner in (token, *(token.children or ()))]
    assert not {"html_block", "html_inline"} & {token.type for token in flat}
    links = {str(token.attrs.get("href", token.attrs.get("src", ""))) for token in flat}
    assert all(link.startswith("files/") for link in links - {""}), links


def test_a_notebook_has_code_with_what_came_of_it(page: Client, history: History) -> None:
    response, content = got(page, history.thread, "format=notebook")
    assert response.headers["Content-Type"] == "application/x-ipynb+json"
    notebook = read(content)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.source, cell.execution_count) for cell in code] == [(CODE, 1)]
    stream, figure = code[0].outputs
    assert (stream.name, stream.text) == ("stdout", "drawn")
    assert set(figure.data) == {"text/plain", "image/png"}
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert r"Salt it \[1\]" in text
    assert rf"\[1\] guide.md, page 2: “{QUOTE}”" in text
    assert "【" not in text


def test_code_that_failed_has_its_error_in_the_notebook(page: Client, history: History) -> None:
    step = history.run.steps.oldest_first()[0]
    raised = (
        "before\n" + "-" * 75 + "\nKeyError" + " " * 33 + "Traceback (most recent call last)\n"
        "Cell In[1], line 1\n----> 1 {}['x']\n\nKeyError: 'x'"
    )
    step.step_details["tool_calls"][0]["code_interpreter"]["outputs"] = [
        {"type": "logs", "logs": raised},
        {"type": "image", "image": {"file_id": history.saved.id}},
    ]
    step.save()
    notebook = read(got(page, history.thread, "format=notebook")[1])
    (code,) = (cell for cell in notebook.cells if cell.cell_type == "code")
    stream, error, not_an_image = code.outputs
    assert stream.text == "before\n"
    assert (error.ename, error.evalue) == ("KeyError", "'x'")
    assert set(not_an_image.data) == {"text/plain"}


def test_a_notebook_without_steps_or_files(page: Client, history: History) -> None:
    content = got(page, history.thread, "format=notebook&chosen=yes")[1]
    notebook = read(content)
    assert {cell.cell_type for cell in notebook.cells} == {"markdown"}
    assert b"image/png" not in content


def test_json_has_every_object_as_the_api_shows_it(page: Client, history: History) -> None:
    files = unpacked(got(page, history.thread, "format=json")[1])
    manifest = json.loads(files["manifest.json"])
    assert manifest["counts"] == {
        "thread": 1,
        "messages": 4,
        "runs": 2,
        "steps": 5,
        "assistants": 1,
        "vector_stores": 1,
        "vector_store_files": 1,
        "files": 4,
    }
    told = [json.loads(line) for line in files["messages.jsonl"].splitlines()]
    beside = [message.pop("playground") for message in told]
    rows = list(history.thread.messages.oldest_first())
    assert told == [row.to_dict() for row in rows]
    assert beside[0]["created_at"] % 1_000_000 == rows[0].created_at.microsecond
    assert files[f"contents/{history.figure.id}"] == PNG
    assert {name for name in files if name.startswith("contents/")} == {
        f"contents/{file.id}"
        for file in (history.guide, history.table, history.figure, history.saved)
    }


def test_the_page_to_print_has_all_of_a_long_thread(page: Client, project: Project) -> None:
    thread = make_thread(project, *(f"said {number} <b>" for number in range(150)))
    html = b"".join(page.get(f"/threads/{thread.id}/print")).decode()
    assert re.findall(r">said (\d+) &lt;b&gt;</div>", html) == [
        str(number) for number in range(150)
    ]
    assert "<script" not in html
    assert html.rstrip().endswith("</html>")


def test_the_page_to_print_shows_what_is_asked_for(page: Client, history: History) -> None:
    address = f"/threads/{history.thread.id}/print"
    whole = b"".join(page.get(address)).decode()
    assert history.figure.id in whole
    assert "drawn" in whole
    assert MARKER not in whole
    bare = b"".join(page.get(f"{address}?chosen=yes")).decode()
    assert history.figure.id not in bare
    assert "drawn" not in bare


def test_what_is_no_format_does_not_exist(page: Client, thread: Thread) -> None:
    assert page.get(f"/threads/{thread.id}/export/file?format=exe").status_code == 404
    page_of = page.get(f"/threads/{thread.id}/export").text
    assert 'value="notebook"' in page_of

"""Assistants as files, from files, and twice."""

import json
import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assistants.models import Assistant, Project
from tests.factories import make_assistant, make_file

FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def full(project: Project) -> Assistant:
    return make_assistant(
        project,
        name="Ünï / <b>",
        description="What it is",
        instructions="Do it.",
        tools=[{"type": "code_interpreter"}, FUNCTION],
        tool_resources={"code_interpreter": {"file_ids": [make_file(project).id]}},
        metadata={"team": "maths"},
        temperature=0.3,
        response_format={"type": "json_object"},
        reasoning_effort="low",
    )


def same(one: Assistant, other: Assistant, *but: str) -> bool:
    leave = {"id", "created_at", *but}
    first, second = one.to_dict(), other.to_dict()
    return {k: first[k] for k in first if k not in leave} == {
        k: second[k] for k in second if k not in leave
    }


def upload(value: Any) -> dict[str, object]:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return {"file": SimpleUploadedFile("assistants.json", text, "application/json")}


def test_what_is_exported_comes_back_the_same(page: Client, project: Project) -> None:
    made = full(project)
    response = page.get(f"/assistants/{made.id}/export")
    assert response.headers["Content-Disposition"] == 'attachment; filename="uni-b.json"'
    assert json.loads(response.content) == made.to_dict()
    answer = page.post("/assistants/import", upload(response.content))
    again = Assistant.objects.exclude(pk=made.pk).get()
    assert answer.headers["Location"] == f"/assistants/{again.id}"
    assert same(made, again)


def test_a_duplicate_has_everything_but_the_name(page: Client, project: Project) -> None:
    made = full(project)
    assert page.get(f"/assistants/{made.id}/duplicate").status_code == 405
    page.post(f"/assistants/{made.id}/duplicate")
    copy = Assistant.objects.exclude(pk=made.pk).get()
    assert copy.name == "Ünï / <b> (copy)"
    assert same(made, copy, "name")


def test_of_several_each_that_is_right_is_made_and_the_others_are_named(
    page: Client, project: Project
) -> None:
    rows = [
        {"model": "demo", "name": "Good"},
        {"model": "demo", "name": "Hot", "temperature": 3},
        {"name": "No model"},
        {"model": "no-such-model", "name": "Gone"},
        7,
    ]
    response = page.post("/assistants/import", upload({"object": "list", "data": rows}))
    assert response.status_code == 422
    assert "1 imported<" in response.text
    assert "4 not imported<" in response.text
    for said in ("2, Hot:", "3, No model:", "4, Gone:", "5: this is no assistant."):
        assert said in response.text
    (made,) = Assistant.objects.all()
    assert made.name == "Good"
    assert f'<a href="/assistants/{made.id}"><bdi>Good</bdi></a>' in re.sub(
        r"<nav.*?</nav>", "", response.text, flags=re.DOTALL
    )


def test_what_is_no_file_of_assistants_is_refused(page: Client, project: Project) -> None:
    for value, said in (
        (b'{"name": "a",\n "model" 1}', "Line 2, column 10: expected a colon."),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        ([], "A file holds 1 to 100 assistants, and this one has 0."),
        ([{}] * 1001, "A file holds 1 to 100 assistants, and this one has 1,001."),
    ):
        response = page.post("/assistants/import", upload(value))
        assert (response.status_code, said in response.text) == (422, True)
    assert "Choose a file first." in page.post("/assistants/import").text


def test_files_of_another_project_are_not_there(project: Project, stranger: Client) -> None:
    made = full(project)
    response = stranger.post("/assistants/import", upload(made.to_dict()))
    assert response.status_code == 422
    assert "Not imported" in response.text
    for action in ("export", "duplicate", "instructions"):
        assert stranger.get(f"/assistants/{made.id}/{action}").status_code in (404, 405)
        assert stranger.post(f"/assistants/{made.id}/{action}").status_code in (404, 405)
    assert Assistant.objects.count() == 1


def test_looking_first_makes_nothing_and_says_what_would_be_made(
    page: Client, project: Project
) -> None:
    rows = [{"model": "demo", "name": "Good"}, {"model": "demo", "name": "Hot", "temperature": 3}]
    looked = page.post("/assistants/import", {**upload(rows), "check": "1"})
    assert "1 assistant would be made" in looked.text
    assert "1 would not" in looked.text
    assert "2, Hot:" in looked.text
    assert not Assistant.objects.exists()
    assert '<bdi class="mono">assistants.json</bdi> was looked at' in looked.text
    assert "Import these" in looked.text
    # What was looked at is imported without being chosen again, and keeps its name until then.
    given = {"checked": json.dumps(rows), "checked_name": "assistants.json"}
    again = page.post("/assistants/import", {**given, "check": "1"})
    assert 'name="checked_name" value="assistants.json"' in again.text
    page.post("/assistants/import", given)
    assert [one.name for one in Assistant.objects.all()] == ["Good"]

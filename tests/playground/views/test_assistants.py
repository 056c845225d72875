"""Pages of assistants."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assistants.models import Assistant, File, Project
from tests.factories import make_assistant, make_thread
from tests.playground.conftest import HTMX

FIELDS = {
    "name": "Maths tutor",
    "description": "",
    "instructions": "Show every step.\r\nThen check the result.",
    "model": "demo",
    "code_interpreter": "on",
    "temperature": "0.2",
    "top_p": "1",
}


def upload(name: str = "data.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"a,b\n1,2\n", "text/csv")


def test_before_there_is_one_the_next_step_is_to_make_one(page: Client, project: Project) -> None:
    text = page.get("/assistants").text
    assert "Make your first assistant" in text
    assert 'href="/assistants/new"' in text


def test_the_list_shows_what_each_one_is(page: Client, assistant: Assistant) -> None:
    text = page.get("/assistants").text
    assert "Plotter" in text
    assert assistant.id in text
    assert "Code interpreter" in text
    assert "demo - scripted, no AI" in text
    assert "not used yet" in text


def test_a_name_of_the_old_service_says_what_answers_under_it(
    page: Client, project: Project
) -> None:
    make_assistant(project, name="Old", model="gpt-4-1106-preview")
    assert "gpt-4-1106-preview (demo - scripted, no AI)" in page.get("/assistants").text


def test_search_looks_at_names_ids_and_instructions(page: Client, project: Project) -> None:
    make_assistant(project, name="Plotter")
    make_assistant(project, name="Tutor", instructions="Solve equations.")
    found = page.get("/assistants?q=equation", headers=HTMX).text
    assert "Tutor" in found
    assert "Plotter" not in found
    assert "<html" not in found
    assert "No assistant matches" in page.get("/assistants?q=zebra").text


def test_making_one(page: Client, project: Project) -> None:
    response = page.post("/assistants/new", FIELDS)
    made = Assistant.objects.get()
    assert response.headers["Location"] == f"/threads/new?assistant={made.id}"
    assert made.name == "Maths tutor"
    assert made.description is None
    assert made.instructions == "Show every step.\nThen check the result."
    assert made.tools == [{"type": "code_interpreter"}]
    assert made.temperature == 0.2


def test_making_one_with_files_for_its_code(page: Client, project: Project) -> None:
    page.post("/assistants/new", FIELDS | {"files": [upload(), upload("b.csv")]})
    made = Assistant.objects.get()
    names = File.objects.in_bulk(made.code_interpreter_file_ids)
    assert [names[pk].filename for pk in made.code_interpreter_file_ids] == ["data.csv", "b.csv"]


def test_what_is_wrong_is_said_at_the_field(page: Client, project: Project) -> None:
    response = page.post("/assistants/new", FIELDS | {"name": " ", "temperature": "3"})
    assert response.status_code == 422
    assert "Give it a name" in response.text
    assert 'aria-invalid="true" aria-describedby="assistant-name-error"' in response.text
    assert 'id="assistant-temperature-error"' in response.text
    assert "Show every step." in response.text
    assert not Assistant.objects.exists()


def test_adding_a_file_without_a_script_keeps_the_form(page: Client, project: Project) -> None:
    response = page.post("/assistants/new", FIELDS | {"files": upload(), "attach": "1"})
    assert response.status_code == 422
    file = File.objects.get()
    assert f'name="file_id" value="{file.id}"' in response.text
    assert not Assistant.objects.exists()


def test_changes_are_saved_as_they_are_made(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    response = page.post(address, FIELDS, headers=HTMX)
    assert response.status_code == 200
    assert 'data-state="saved"' in response.text
    assert "<html" not in response.text
    assistant.refresh_from_db()
    assert assistant.name == "Maths tutor"


def test_saving_works_without_a_script(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    assert page.post(address, FIELDS).headers["Location"] == address
    assert "Saved." in page.get(address).text


def test_functions_that_a_program_gave_it_stay(page: Client, project: Project) -> None:
    function = {"type": "function", "function": {"name": "get_weather"}}
    made = make_assistant(project, name="Weather", tools=[function])
    page.post(f"/assistants/{made.id}", FIELDS)
    made.refresh_from_db()
    assert [tool["type"] for tool in made.tools] == ["code_interpreter", "function"]
    fields = {name: value for name, value in FIELDS.items() if name != "code_interpreter"}
    page.post(f"/assistants/{made.id}", fields)
    made.refresh_from_db()
    assert [tool["type"] for tool in made.tools] == ["function"]


def test_a_file_can_be_removed(page: Client, project: Project) -> None:
    page.post("/assistants/new", FIELDS | {"files": [upload(), upload("b.csv")]})
    made = Assistant.objects.get()
    first, second = made.code_interpreter_file_ids
    fields = FIELDS | {"file_id": [first, second], "remove": first}
    page.post(f"/assistants/{made.id}", fields)
    made.refresh_from_db()
    assert made.code_interpreter_file_ids == [second]


def test_an_edit_never_writes_over_one_made_elsewhere(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    version = page.get(address).context["form"].initial["version"]
    page.post(address, FIELDS | {"version": version, "name": "First"}, headers=HTMX)
    response = page.post(address, FIELDS | {"version": version, "name": "Second"}, headers=HTMX)
    assert response.status_code == 409
    assert "Changed elsewhere" in response.text
    assert "Not saved" in response.text
    assistant.refresh_from_db()
    assert assistant.name == "First"


def test_when_code_cannot_run_the_reason_stands_next_to_the_switch(
    page: Client, assistant: Assistant
) -> None:
    # No interpreter runs beside this test.
    text = page.get(f"/assistants/{assistant.id}").text
    assert "The interpreter process does not answer." in text
    assert 'aria-describedby="assistant-interpreter-why"' in text


def test_a_name_is_text_wherever_it_stands(page: Client, project: Project) -> None:
    made = make_assistant(project, name="<img src=x onerror=alert(1)>", instructions="</textarea>")
    for address in ("/assistants", f"/assistants/{made.id}", f"/threads/new?assistant={made.id}"):
        text = page.get(address).text
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_deleting_asks_first(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}/delete"
    assert "Delete Plotter?" in page.get(address).text
    assert "<html" not in page.get(address, headers=HTMX).text
    assert Assistant.objects.exists()
    assert page.post(address).headers["Location"] == "/assistants"
    assert not Assistant.objects.exists()
    assert "Plotter was deleted." in page.get("/assistants").text


def test_the_rail_says_how_many_assistants_there_are_when_it_lists_only_some(
    page: Client, project: Project
) -> None:
    for number in range(6):
        make_assistant(project, name=f"Assistant {number}")
    assert "All 6 assistants" not in page.get("/threads").text
    make_assistant(project, name="One more")
    assert "All 7 assistants" in page.get("/threads").text


def test_the_rail_leads_to_all_threads_when_it_lists_only_some(
    page: Client, project: Project
) -> None:
    for number in range(14):
        make_thread(project, f"Question {number}")
    assert "All threads" not in page.get("/assistants").text
    make_thread(project, "One more")
    assert "All threads" in page.get("/assistants").text

"""Pages of assistants."""

import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from assistants.models import (
    Assistant,
    File,
    FileStatus,
    Project,
    VectorStore,
    VectorStoreFile,
)
from assistants.operations import vector_store_files
from assistants.params import VectorStoreFileCreate
from tests.factories import make_assistant, make_file, make_thread, make_vector_store
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


def names_in(store: VectorStore) -> set[str]:
    return set(store.files.values_list("file__filename", flat=True))


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
    assert response.status_code == 200
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


def test_files_for_search_go_into_a_store_named_after_the_assistant(
    page: Client, project: Project
) -> None:
    sent = FIELDS | {"file_search": "on", "searched_files": [upload("a.txt"), upload("b.md")]}
    page.post("/assistants/new", sent)
    made = Assistant.objects.get()
    assert [tool["type"] for tool in made.tools] == ["code_interpreter", "file_search"]
    store = VectorStore.objects.get()
    assert made.vector_store_ids == [store.id]
    assert store.name == "Maths tutor"
    assert names_in(store) == {"a.txt", "b.md"}
    text = page.get(f"/assistants/{made.id}").text
    assert text.count('data-status="in_progress"') == 2
    assert 'id="searched-progress"' in text


def test_a_file_is_added_to_search_and_taken_out_again(
    page: Client, assistant: Assistant, project: Project
) -> None:
    address = f"/assistants/{assistant.id}"
    version = page.get(address).context["form"].initial["version"]
    file = make_file(project)
    fields = FIELDS | {"file_search": "on", "version": version}
    response = page.post(address, fields | {"searched_id": file.id}, headers=HTMX)
    store = VectorStore.objects.get()
    assert names_in(store) == {"a.txt"}
    saved = response.context["form"].initial["version"]
    assert saved != version
    # What is neither named now nor was there when the form was made is nobody's wish.
    other = make_file(project, filename="other.txt")
    vector_store_files.create(store, VectorStoreFileCreate(file_id=other.id))
    fields |= {"version": saved, "searched_before": file.id}
    assert page.post(address, fields, headers=HTMX).status_code == 200
    assert names_in(store) == {"other.txt"}
    assert File.objects.filter(pk=file.id).exists()
    assert VectorStore.objects.count() == 1


def test_a_file_that_cannot_be_searched_changes_nothing(
    page: Client, assistant: Assistant, project: Project
) -> None:
    fields = FIELDS | {"file_search": "on", "searched_files": upload("data.csv")}
    response = page.post(f"/assistants/{assistant.id}", fields)
    assert response.status_code == 422
    assert "Files with extensions [.csv] are not supported" in response.text
    assistant.refresh_from_db()
    assert assistant.name == "Plotter"
    assert not VectorStore.objects.exists()


def test_the_form_says_what_to_do_about_a_file_that_cannot_be_searched(
    page: Client, project: Project
) -> None:
    refused = page.post("/files?as=searched", {"file": upload("letter.rtf")})
    assert refused.status_code == 422
    assert refused.text == "cannot be searched; save it as PDF, Word or text, and add that"
    assert "Other formats: convert to PDF, Word or text" in page.get("/assistants/new").text


def test_a_refused_edit_keeps_what_was_done_to_the_files_for_search(
    page: Client, project: Project
) -> None:
    page.post("/assistants/new", FIELDS | {"file_search": "on", "searched_files": upload("a.txt")})
    made = Assistant.objects.get()
    (known,) = VectorStoreFile.objects.all()
    new = make_file(project, filename="new.txt")
    fields = FIELDS | {"name": " ", "searched_before": known.file_id, "searched_id": new.id}
    response = page.post(f"/assistants/{made.id}", fields, headers=HTMX)
    assert response.status_code == 422
    assert f'name="searched_id" value="{new.id}"' in response.text
    assert f'name="searched_id" value="{known.file_id}"' not in response.text
    page.post(f"/assistants/{made.id}", fields | {"name": "Again"}, headers=HTMX)
    assert names_in(VectorStore.objects.get()) == {"new.txt"}


def test_the_status_of_files_for_search_is_asked_for_until_none_is_in_progress(
    page: Client, project: Project
) -> None:
    sent = FIELDS | {"file_search": "on", "searched_files": [upload("a.txt"), upload("b.txt")]}
    page.post("/assistants/new", sent)
    made = Assistant.objects.get()
    first, second = VectorStoreFile.objects.order_by("pk")
    VectorStoreFile.objects.filter(pk=first.pk).update(status=FileStatus.COMPLETED)
    address = f"/assistants/{made.id}/searched"
    named = {"searched_id": [first.file_id, second.file_id]}
    text = page.get(address, named, headers=HTMX).text
    assert text.count('hx-swap-oob="morph"') == 2
    assert "Ready" in text
    assert 'hx-trigger="every 1s"' in text
    VectorStoreFile.objects.filter(pk=second.pk).update(
        status=FileStatus.FAILED,
        last_error={"code": "invalid_file", "message": "The file is empty."},
    )
    text = page.get(address, named, headers=HTMX).text
    assert "Failed" in text
    assert "The file is empty." in text
    assert "hx-trigger" not in text
    assert page.get(address, headers=HTMX).text.strip() == ""


def test_settings_of_file_search_that_a_program_gave_stay(page: Client, project: Project) -> None:
    tool = {"type": "file_search", "file_search": {"max_num_results": 3}}
    made = make_assistant(project, name="Librarian", tools=[tool])
    page.post(f"/assistants/{made.id}", FIELDS | {"file_search": "on"})
    made.refresh_from_db()
    assert [tool["type"] for tool in made.tools] == ["code_interpreter", "file_search"]
    assert made.tools[1]["file_search"]["max_num_results"] == 3


def test_of_a_large_store_the_newest_files_are_shown_and_the_others_stay(
    page: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    store = make_vector_store(project, *(f"text {number}" for number in range(53)))
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    tool = {"type": "file_search"}
    made = make_assistant(project, name="Large", tools=[tool], tool_resources=resources)
    with django_assert_max_num_queries(20):
        response = page.get(f"/assistants/{made.id}")
    assert "and 3 more" in response.text
    before = response.context["searched"].before
    assert len(before) == 50
    fields = FIELDS | {"file_search": "on", "searched_before": " ".join(before)}
    page.post(f"/assistants/{made.id}", fields | {"searched_id": before[1:]}, headers=HTMX)
    assert store.files.count() == 52


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
    assert "The change is by <bdi>owner</bdi>" in response.text
    assert " data-unsaved" in response.text
    kept = re.search(r'<button[^>]+name="over" value="([^"]+)"', response.text)
    assert kept
    mine = FIELDS | {"version": version, "over": kept[1], "name": "Second"}
    assert " data-unsaved" not in page.post(address, mine, headers=HTMX).text
    assistant.refresh_from_db()
    assert assistant.name == "Second"


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


def test_a_function_added_before_there_is_a_name_does_not_ask_for_one(
    page: Client, project: Project
) -> None:
    given = {**FIELDS, "name": "", "functions": "1", "add_function": "blank"}
    answer = page.post("/assistants/new", given)
    assert answer.status_code == 200
    text = answer.text
    assert " data-unsaved" in text
    assert "Samples to add" in text
    assert "my_function" in text
    assert 'aria-invalid="true"' not in text
    wrong = page.post("/assistants/new", {**given, "temperature": "hot"})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in page.post("/assistants/new", {**FIELDS, "name": ""}).text


def test_a_new_name_is_seen_at_once_wherever_the_page_has_it(
    page: Client, assistant: Assistant
) -> None:
    address = f"/assistants/{assistant.id}"
    here = {**HTMX, "HX-Current-URL": f"http://testserver{address}"}
    text = page.get(address).text
    version = re.findall(r'id="assistant-version"\s+value="([^"]*)"', text)[0]
    given = {**FIELDS, "name": "Plots & more", "version": version}
    saved = page.post(address, given, headers=here).text
    rail = (
        f'<bdi class="truncate" id="rail-{assistant.id}" hx-swap-oob="true">Plots &amp; more</bdi>'
    )
    assert rail in saved
    assert '<bdi id="assistant-title" hx-swap-oob="true">Plots &amp; more</bdi>' in saved
    assert f'id="rail-{assistant.id}"' in text
    assert 'id="assistant-title"' in text


def test_a_thread_without_messages_is_told_anew_what_the_assistant_can_do(
    page: Client, assistant: Assistant
) -> None:
    address = f"/assistants/{assistant.id}"

    def save(**given: str) -> str:
        version = re.findall(r'id="assistant-version"\s+value="([^"]*)"', page.get(address).text)[0]
        body = {**FIELDS, **given, "version": version}
        return page.post(address, body, headers=HTMX).text

    assert 'id="empty"' not in save(file_search="on")
    told = save(empty="1", name="Searcher", code_interpreter="", file_search="on")
    assert '<div class="empty" id="empty" hx-swap-oob="true">' in told
    assert "Ask <bdi>Searcher</bdi>" in told
    assert "It searches its files." in told
    assert "What is in these files?" in told
    assert "It writes and runs Python." not in told
    assert "Create a visualization of a sinewave" not in told


def test_the_choice_of_a_tool_for_a_run_is_sent_anew_only_when_the_tools_have_changed(
    page: Client, assistant: Assistant
) -> None:
    def save(**given: str) -> str:
        """What saving these brings to the page of a thread."""
        text = page.get(f"/assistants/{assistant.id}").text
        version = re.findall(r'id="assistant-version"\s+value="([^"]*)"', text)[0]
        body = {**FIELDS, "run-tool_choice": "required", **given, "version": version}
        return page.post(f"/assistants/{assistant.id}", body, headers=HTMX).text

    renamed = save(name="Plots")
    assert 'data-state="saved"' in renamed
    assert 'id="run-tool-choice"' not in renamed
    changed = save(file_search="on")
    assert 'id="run-tool-choice"' in changed
    assert 'value="required" selected>' in changed
    assert 'value="file_search">' in changed
    assert 'id="run-tool-choice"' not in save(file_search="on", name="Plots again")


def test_no_heading_of_the_rail_is_called_like_a_place_that_it_leads_to(
    page: Client, project: Project
) -> None:
    make_assistant(project)
    rail = page.get("/files").text.partition('id="rail"')[2].partition("<main")[0]
    headings = re.findall(r"<h2[^>]*>\s*([^<]+?)\s*<", rail)
    assert headings == ["Recent assistants"]
    assert "Assistants" in re.findall(r'<span class="rail__text">([^<]+)</span>', rail)


def test_the_setup_says_where_a_choice_of_tools_is_made(page: Client, assistant: Assistant) -> None:
    """It belongs to a run: an assistant of the API has none."""
    for address in (f"/assistants/{assistant.id}", f"/threads/new?assistant={assistant.id}"):
        assert "Run options, beside the message." in page.get(address).text

"""The parts of an assistant's form beside its plain fields: functions, the form of an answer,
metadata, facts of its model.
"""

import json
import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client

from assistants.models import Assistant, Project
from assistants.operations import connections
from assistants.operations.connections import Connection
from tests.factories import make_assistant, make_file, make_project, make_vector_store
from tests.playground.conftest import HTMX
from tests.playground.views.test_assistants import FIELDS

WEATHER = '{"name": "get_weather", "parameters": {"type": "object", "properties": {"at": {}}}}'
ARGUMENTS = {"city": "Oslo", "days": 3, "units": ["C"], "detail": {"wind": True}}
SETUP = FIELDS | {"functions": "1"}


def functions(*texts: str) -> dict[str, object]:
    keys = [f"key{number}" for number in range(len(texts))]
    return {**SETUP, "function": list(texts), "function_key": keys}


def saved(assistant: Assistant) -> Assistant:
    assistant.refresh_from_db()
    return assistant


def test_a_function_is_written_as_json(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    assert page.post(address, functions(WEATHER), headers=HTMX).status_code == 200
    (tool,) = [tool for tool in saved(assistant).tools if tool["type"] == "function"]
    assert tool["function"]["name"] == "get_weather"
    assert "1 parameter<" in page.get(address).text


@pytest.mark.parametrize(
    "text, said",
    [
        ('{\n  "parameters": {"type" "object"}\n}', "Line 2, column 25: expected a colon."),
        ('{"name": "a"', "Line 1, column 13: expected a comma."),
        ("[]", "Line 1, column 1: expected an object, in curly brackets."),
        ('{"name": NaN}', "NaN is not a value in JSON."),
        ('{"name": "a", "parameters": {"a": 1e400}}', "1e400 is too large a number."),
        ('{"name": "a", "parameters": {"a": -1e400}}', "-1e400 is too large a number."),
        ('{"name": "two words"}', "name"),
        ('{"name": "a", "parameters": {"type": "list"}}', "In context="),
        ("[" * 100_000, "It has too many levels."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_function_is_said_with_its_place(
    page: Client, assistant: Assistant, text: str, said: str
) -> None:
    response = page.post(f"/assistants/{assistant.id}", functions(text), headers=HTMX)
    assert response.status_code == 422
    assert said in response.text.replace("&#x27;", "'")
    assert '<a href="#assistant-fault-key0">Not saved</a>' in response.text
    # Above the box, which may be longer than the window.
    before, _ = response.text.split('id="assistant-text-key0"')
    assert 'id="assistant-fault-key0"' in before
    assert 'aria-describedby="assistant-fault-key0"' in response.text
    assert saved(assistant).name == "Plotter"


def test_two_functions_with_one_name_are_refused(page: Client, assistant: Assistant) -> None:
    response = page.post(f"/assistants/{assistant.id}", functions(WEATHER, WEATHER), headers=HTMX)
    assert response.status_code == 422
    assert "Another function is called get_weather. Rename one of them." in response.text


def test_samples_are_added_under_names_of_their_own(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    page.post(address, functions(WEATHER) | {"add_function": "weather"}, headers=HTMX)
    names = [tool["function"]["name"] for tool in saved(assistant).tools[1:]]
    assert names == ["get_weather", "get_weather_2"]


@pytest.mark.parametrize(
    "added",
    [
        {"add_function": "weather"},
        {"add_function": "stock"},
        {"add_function": "mail"},
        {"add_function": "blank"},
        {"add_function": "example", "example": "look_up(word='bread')"},
    ],
)
def test_samples_are_described_in_the_language_of_who_adds_them(
    page: Client, assistant: Assistant, added: dict[str, str]
) -> None:
    page.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    page.post(f"/assistants/{assistant.id}", SETUP | added, headers=HTMX)
    made = saved(assistant).tools[1]["function"]
    properties = made["parameters"]["properties"].values()
    told = [
        made["description"],
        *(one["description"] for one in properties if "description" in one),
    ]
    assert all(re.search("[\u4e00-\u9fff]", words) for words in told)


@pytest.mark.parametrize(
    "call",
    [
        'get_weather(city="Oslo", days=3, units=["C"], detail={"wind": True})',
        json.dumps({"name": "get_weather", "arguments": ARGUMENTS}),
        json.dumps({"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}),
    ],
)
def test_a_function_is_made_from_an_example_call(
    page: Client, assistant: Assistant, call: str
) -> None:
    given = SETUP | {"add_function": "example", "example": call}
    assert page.post(f"/assistants/{assistant.id}", given, headers=HTMX).status_code == 200
    made = saved(assistant).tools[1]["function"]
    assert made["name"] == "get_weather"
    assert made["parameters"]["required"] == ["city", "days", "units", "detail"]
    properties = made["parameters"]["properties"]
    assert [properties[name]["type"] for name in properties] == [
        "string", "integer", "array", "object",
    ]  # fmt: skip
    assert properties["detail"]["properties"] == {"wind": {"type": "boolean"}}


def test_enter_makes_a_function_of_the_example_call_once(page: Client, project: Project) -> None:
    """Without a script: Enter in a field presses the form's first button."""
    form = page.get("/assistants/new").text
    button = re.search(r"<button([^>]*)>", form[form.index('id="assistant-form"') :])
    assert button
    assert 'name="entered"' in button[1]
    given = SETUP | {"entered": "1", "example": 'find(what="bread")', "made_of": ""}
    response = page.post("/assistants/new", given)
    assert response.status_code == 200
    assert "Function find, as JSON" in response.text
    assert not Assistant.objects.exists()
    # The call is still in its field; Enter in another one makes the assistant.
    made = re.search(r'name="made_of" value="([^"]*)"', response.text)
    assert made
    assert page.post("/assistants/new", given | {"made_of": unescape(made[1])}).status_code == 302
    assert Assistant.objects.count() == 1


def test_enter_on_a_call_that_is_none_says_so_each_time(page: Client, project: Project) -> None:
    given = SETUP | {"entered": "1", "example": "find(", "made_of": ""}
    for _ in range(2):
        response = page.post("/assistants/new", given)
        assert "Write a call such as get_weather" in response.text
        assert 'name="made_of" value=""' in response.text
    assert not Assistant.objects.exists()


def test_an_example_may_use_the_words_of_json(page: Client, assistant: Assistant) -> None:
    call = "find(near=true, what=null, far=[false])"
    given = SETUP | {"add_function": "example", "example": call}
    assert page.post(f"/assistants/{assistant.id}", given, headers=HTMX).status_code == 200
    properties = saved(assistant).tools[1]["function"]["parameters"]["properties"]
    assert properties["near"] == {"type": "boolean"}
    assert properties["what"] == {}
    assert properties["far"]["items"] == {"type": "boolean"}


@pytest.mark.parametrize("value", ["true", "null", "5"])
def test_a_bare_value_is_no_example_of_a_call(
    page: Client, assistant: Assistant, value: str
) -> None:
    given = SETUP | {"add_function": "example", "example": value}
    response = page.post(f"/assistants/{assistant.id}", given, headers=HTMX)
    assert response.status_code == 422
    assert "Write a call such as get_weather" in response.text


def test_an_example_is_read_and_never_run(page: Client, assistant: Assistant) -> None:
    for call in ('f(a=__import__("os").getcwd())', "f(1)", "f(**{})", "f(", "x" * 20_000):
        given = SETUP | {"add_function": "example", "example": call}
        response = page.post(f"/assistants/{assistant.id}", given, headers=HTMX)
        assert response.status_code == 422
    assert len(saved(assistant).tools) == 1


def test_a_function_can_be_removed(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    page.post(address, functions(WEATHER), headers=HTMX)
    given = functions(WEATHER, '{"name": "other"}') | {"drop_function": "key0"}
    page.post(address, given, headers=HTMX)
    assert [tool["function"]["name"] for tool in saved(assistant).tools[1:]] == ["other"]


def test_before_it_is_made_functions_can_be_added_without_a_script(
    page: Client, project: Project
) -> None:
    response = page.post("/assistants/new", SETUP | {"add_function": "stock"})
    assert response.status_code == 200
    assert "get_stock_price" in response.text
    assert not Assistant.objects.exists()


def test_the_form_of_an_answer(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    schema = {"name": "answer", "schema": {"type": "object", "properties": {}}}
    given = SETUP | {"response_format": "json_schema", "schema": json.dumps(schema)}
    assert page.post(address, given, headers=HTMX).status_code == 200
    form = saved(assistant).response_format
    assert form["json_schema"]["name"] == "answer"
    wrong = given | {"schema": '{"name": "answer",\n}'}
    response = page.post(address, wrong, headers=HTMX)
    assert response.status_code == 422
    assert "Line 2, column 1: " in response.text or "Line 1, column 18: " in response.text
    assert '<a href="#assistant-schema-error">Not saved</a>' in response.text
    before, after = response.text.split('id="assistant-schema"')
    assert ('id="assistant-schema-error"' in before, "field__error" in after) == (True, False)
    page.post(address, SETUP | {"response_format": "json_object"}, headers=HTMX)
    assert saved(assistant).response_format == {"type": "json_object"}
    page.post(address, SETUP | {"response_format": "text"}, headers=HTMX)
    assert saved(assistant).response_format == "auto"


def test_json_beside_other_tools_is_explained(page: Client, assistant: Assistant) -> None:
    given = SETUP | {"response_format": "json_object"}
    text = page.post(f"/assistants/{assistant.id}", given, headers=HTMX).text
    assert "together with functions only" in text
    alone = {name: value for name, value in given.items() if name != "code_interpreter"}
    text = page.post(f"/assistants/{assistant.id}", alone, headers=HTMX).text
    assert "together with functions only" not in text


def test_metadata(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    given = SETUP | {"metadata_key": ["team", "", " "], "metadata_value": ["maths", "", ""]}
    assert page.post(address, given, headers=HTMX).status_code == 200
    assert saved(assistant).metadata == {"team": "maths"}
    for keys, values, said in (
        (["a", "a"], ["1", "2"], "two lines have the same key"),
        ([""], ["1"], "a value needs a key"),
        ([str(number) for number in range(17)], [""] * 17, "16 keys at most"),
        (["a" * 65], [""], "64 characters at most"),
    ):
        wrong = SETUP | {"metadata_key": keys, "metadata_value": values}
        response = page.post(address, wrong, headers=HTMX)
        assert (response.status_code, said in response.text) == (422, True)
    assert saved(assistant).metadata == {"team": "maths"}


def test_a_reasoning_effort_is_offered_where_the_model_takes_one(
    page: Client, project: Project
) -> None:
    models = ({"name": "gpt-5-mini"}, {"name": "gpt-4o"})
    given = Connection("openai", "Mine", "http://127.0.0.1:9/v1", "k", known_models=models)
    connections.connect(project, given)
    thinks = make_assistant(project, model="gpt-5-mini")
    other = make_assistant(project, model="gpt-4o")
    assert 'name="reasoning_effort"' in page.get(f"/assistants/{thinks.id}").text
    assert 'name="reasoning_effort"' not in page.get(f"/assistants/{other.id}").text
    sent = SETUP | {"model": "gpt-5-mini", "reasoning_effort": "high"}
    page.post(f"/assistants/{thinks.id}", sent, headers=HTMX)
    assert saved(thinks).reasoning_effort == "high"


def test_instructions_are_counted_and_can_be_expanded(page: Client, assistant: Assistant) -> None:
    address = f"/assistants/{assistant.id}"
    page.post(address, SETUP | {"instructions": "Be brief. " * 200}, headers=HTMX)
    assert "2,000 characters, about 445 tokens" in page.get(address).text
    alone = f"{address}/instructions"
    version = page.get(alone).context["version"]
    answer = page.post(alone, {"instructions": "Be kind.", "version": version}, headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true"
    assert saved(assistant).instructions == "Be kind."
    stale = page.post(alone, {"instructions": "Second.", "version": version})
    assert stale.status_code == 422
    assert "Changed elsewhere" in stale.text
    assert "Second." in stale.text
    assert saved(assistant).instructions == "Be kind."


def test_what_a_form_does_not_name_stays(page: Client, project: Project) -> None:
    made = make_assistant(
        project, metadata={"a": "b"}, response_format={"type": "text"}, reasoning_effort="low"
    )
    page.post(f"/assistants/{made.id}", FIELDS)
    made.refresh_from_db()
    assert made.metadata == {"a": "b"}
    assert made.response_format == {"type": "text"}
    assert made.reasoning_effort == "low"


def test_another_vector_store_can_be_chosen(
    page: Client, assistant: Assistant, project: Project
) -> None:
    address = f"/assistants/{assistant.id}"
    first, second = make_vector_store(project, "a"), make_vector_store(project, "b")
    theirs = make_vector_store(make_project("other"))
    assert theirs.id not in page.get(address).text
    given = SETUP | {"file_search": "on", "vector_store": first.id}
    assert page.post(address, given, headers=HTMX).status_code == 200
    assert saved(assistant).vector_store_ids == [first.id]
    # The form still shows the files of the old one: none of them moves, none is taken out.
    (old,) = first.files.values_list("file_id", flat=True)
    new = make_file(project, filename="new.txt")
    moved = given | {
        "vector_store": second.id, "searched_before": old, "searched_id": new.id,
    }  # fmt: skip
    assert page.post(address, moved, headers=HTMX).status_code == 200
    assert saved(assistant).vector_store_ids == [second.id]
    assert (first.files.count(), second.files.count()) == (1, 1)
    foreign = page.post(address, given | {"vector_store": theirs.id}, headers=HTMX)
    assert foreign.status_code == 422
    assert saved(assistant).vector_store_ids == [second.id]


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_emptied_box_takes_no_function_away(
    page: Client, assistant: Assistant, text: str
) -> None:
    address = f"/assistants/{assistant.id}"
    assert page.post(address, functions(WEATHER), headers=HTMX).status_code == 200
    answer = page.post(address, functions(text), headers=HTMX)
    assert answer.status_code == 422
    assert 'id="assistant-fault-key0"' in answer.text
    assert [tool["type"] for tool in saved(assistant).tools if tool["type"] == "function"]
    removed = functions(text) | {"drop_function": "key0"}
    assert page.post(address, removed, headers=HTMX).status_code == 200
    assert not [tool for tool in saved(assistant).tools if tool["type"] == "function"]


def test_what_a_name_can_have_is_said_in_words(page: Client, assistant: Assistant) -> None:
    given = functions(WEATHER.replace("get_weather", "get weather"))
    answer = page.post(f"/assistants/{assistant.id}", given, headers=HTMX)
    assert answer.status_code == 422
    assert "letters from a to z, digits, _ and -, 64 at most; no spaces" in answer.text
    assert "pattern" not in answer.text

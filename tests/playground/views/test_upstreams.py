"""The pages of servers with assistants of their own, and of the assistants that live there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from openai import OpenAI

from assistants.errors import Invalid
from assistants.models import Assistant, ModelProvider, Project, UpstreamImport
from assistants.operations import connections, upstreams
from playground.forms.assistant import version_of
from tests.engine.upstream.conftest import connected, living_there
from tests.proxy import Proxy, answer
from tests.stack import Stack

NEW = "/settings/providers/new"

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


@pytest.fixture
def there(stack: Stack) -> Iterator[OpenAI]:
    """The second instance, which has no assistants yet."""
    with OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client:
        for one in client.beta.assistants.list(limit=100):
            client.beta.assistants.delete(one.id)
        yield client


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    upstreams._asked.clear()
    with Proxy(stack.url) as running:
        yield running


@pytest.fixture
def row(project: Project, stack: Stack, proxy: Proxy) -> ModelProvider:
    return connected(stack, proxy)


def entered(stack: Stack, address: str, **others: str) -> dict[str, str]:
    return {
        "kind": "assistants", "label": "Team server", "base_url": address,
        "api_key": stack.api_key, **others,
    }  # fmt: skip


def filled(assistant: Assistant, **others: Any) -> dict[str, Any]:
    return {
        "name": assistant.name, "model": assistant.model, "temperature": 1, "top_p": 1,
        "version": version_of(assistant), **others,
    }  # fmt: skip


def test_the_test_says_which_version_which_assistants_and_which_tools(
    page: Client, project: Project, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    there.beta.assistants.create(model="demo", name="Ada", tools=[{"type": "code_interpreter"}])
    tried = page.post(NEW, {**entered(stack, f"{proxy.url}/v1"), "action": "test"}).text
    assert "It is accepted." in tried
    assert "Version 2." in tried
    assert "It has 1: Ada." in tried
    assert "Seen there: code interpreter, file search." in tried

    azure = entered(stack, proxy.url, api_version="2024-05-01-preview", action="test")
    assert "Azure&#x27;s addresses, 2024-05-01-preview" in page.post(NEW, azure).text

    wrong = page.post(NEW, {**entered(stack, f"{proxy.url}/v1", api_key="sk-no"), "action": "test"})
    assert "Check the key of this provider." in wrong.text
    assert (
        "nothing listens"
        in page.post(NEW, {**entered(stack, "http://127.0.0.1:9/v1"), "action": "test"}).text
    )
    assert not ModelProvider.objects.exists()


def test_its_assistants_can_be_chosen_once_it_is_connected(
    page: Client, stranger: Client, project: Project, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    there.beta.assistants.create(model="demo", name="Ada")
    page.post(NEW, entered(stack, f"{proxy.url}/v1"))
    settings = page.get("/settings").text
    assert "It has 1 assistant, which can be chosen now." in settings
    assert stack.api_key not in settings
    assert "Lives on Team server" in page.get("/assistants").text
    ada = Assistant.objects.get(name="Ada")
    thread = page.get(f"/threads/new?assistant={ada.id}").text
    assert "Ada · Team server" in thread
    head = thread.partition('id="thread-title"')[2].partition("</header>")[0]
    assert "Lives on Team server" in head
    rail = page.get("/files").text.partition('id="rail-assistants"')[2].partition("</section>")[0]
    assert ">Team server</bdi>" in rail

    assert stranger.get(f"/assistants/{ada.id}").status_code == 404
    assert "Team server" not in stranger.get("/assistants/new").text
    assert "Team server" not in stranger.get("/settings").text


def test_an_assistant_is_made_changed_and_deleted_there(
    page: Client, project: Project, there: OpenAI, row: ModelProvider
) -> None:
    form = page.get("/assistants/new").text
    assert f'value="{row.id}/demo"' in form
    made = {"name": "Grace", "model": f"{row.id}/demo", "temperature": 1, "top_p": 1}
    page.post("/assistants/new", {**made, "code_interpreter": "on"})
    (original,) = there.beta.assistants.list().data
    assert (original.name, original.model) == ("Grace", "demo")
    assert [tool.type for tool in original.tools] == ["code_interpreter"]

    grace = Assistant.objects.get(name="Grace")
    changed = filled(grace, instructions="Be brief.")
    assert page.post(f"/assistants/{grace.id}", changed).status_code == 302
    (original,) = there.beta.assistants.list().data
    assert original.instructions == "Be brief."
    assert original.tools == []

    assert "deleted there" in page.get(f"/assistants/{grace.id}/delete").text
    page.post(f"/assistants/{grace.id}/delete")
    assert there.beta.assistants.list().data == []
    assert not Assistant.objects.exists()


def test_what_somebody_changed_there_is_not_written_over(
    page: Client, project: Project, there: OpenAI, row: ModelProvider
) -> None:
    ada = living_there(row, there, model="demo", name="Ada")
    there.beta.assistants.update(ada.upstream.upstream_id, instructions="Theirs.")
    answered = page.post(f"/assistants/{ada.id}", filled(ada, instructions="Mine."))

    assert answered.status_code == 409
    assert "Changed elsewhere." in answered.text
    (original,) = there.beta.assistants.list().data
    assert original.instructions == "Theirs."
    ada.refresh_from_db()
    assert ada.instructions == "Theirs."
    # Saved all the same, with what it is now.
    page.post(f"/assistants/{ada.id}", filled(ada, instructions="Mine."))
    (original,) = there.beta.assistants.list().data
    assert original.instructions == "Mine."


def test_what_the_server_refuses_is_said_and_changes_nothing(
    page: Client, project: Project, there: OpenAI, row: ModelProvider, proxy: Proxy
) -> None:
    ada = living_there(row, there, model="demo", name="Ada")
    refused = {"error": {"message": "Nobody may change Ada."}}
    proxy.on("POST", r"/assistants/", answer(403, refused))
    answered = page.post(f"/assistants/{ada.id}", filled(ada, name="Bob"))
    assert answered.status_code == 422
    assert "Nobody may change Ada." in answered.text
    proxy.on("DELETE", r"/assistants/", answer(503, {}))
    page.post(f"/assistants/{ada.id}/delete")
    assert Assistant.objects.get().name == "Ada"


def test_assistants_that_are_gone_there_are_gone_here_and_a_silent_server_is_named(
    page: Client, project: Project, there: OpenAI, row: ModelProvider
) -> None:
    ada = living_there(row, there, model="demo", name="Ada")
    living_there(row, there, model="demo", name="Bob")
    there.beta.assistants.delete(ada.upstream.upstream_id)
    upstreams._asked.clear()
    listed = page.get("/assistants").text
    assert "Bob" in listed
    assert "Ada" not in listed
    ModelProvider.objects.filter(pk=row.pk).update(base_url="http://127.0.0.1:9/v1")
    upstreams._asked.clear()
    listed = page.get("/assistants").text
    assert "Team server does not answer." in listed
    assert "Bob" in listed


def test_a_server_that_answers_nonsense_changes_nothing(
    page: Client, project: Project, there: OpenAI, row: ModelProvider, proxy: Proxy
) -> None:
    living_there(row, there, model="demo", name="Ada")
    nonsense: Any = {"data": [{"id": "../../etc", "model": "demo"}]}
    proxy.on("GET", r"/assistants$", answer(200, nonsense))
    upstreams._asked.clear()
    assert "does not answer" in page.get("/assistants").text
    odd: Any = {"data": [{"id": "asst_1", "model": 7, "tools": "all"}], "has_more": False}
    proxy.on("GET", r"/assistants$", answer(200, odd))
    assert upstreams.take_over(row).unread == ["asst_1"]


def test_a_disconnected_server_takes_its_assistants_along(
    page: Client, project: Project, there: OpenAI, row: ModelProvider
) -> None:
    living_there(row, there, model="demo", name="Ada")
    assert "There they stay" in page.get(f"/settings/providers/{row.id}/remove").text
    page.post(f"/settings/providers/{row.id}/remove")
    assert not Assistant.objects.exists()
    assert [one.name for one in there.beta.assistants.list()] == ["Ada"]


def test_what_an_import_has_not_brought_as_it_is_there_is_named(
    page: Client, project: Project, row: ModelProvider
) -> None:
    job = UpstreamImport.objects.create(
        project=project, provider=row, label=row.label, status="completed"
    )
    differs = [{"noun": "message", "id": "msg_1", "fields": ["content", "attachments"]}]
    job.items.create(noun="thread", upstream_id="thread_1", status="brought", differs=differs)
    said = page.get(f"/settings/imports/{job.id}").text
    assert "Everything is here, but not all of it is the same." in said
    assert "Messages: content, attachments" in said
    assert "msg_1" in said


def test_a_key_goes_to_the_address_that_it_was_given_for(row: ModelProvider) -> None:
    elsewhere = connections.Connection("assistants", "Team server", "http://127.0.0.1:9/v1")
    with pytest.raises(Invalid):
        connections.change(row, elsewhere)

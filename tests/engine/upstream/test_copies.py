"""What is kept here of the assistants of another server, while others are at it too."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web
from django.db import connection
from openai import OpenAI

from assistants.models import Assistant, AuditEntry, ModelProvider, Project
from assistants.operations import assistants, upstreams
from assistants.params import AssistantCreate, AssistantUpdate, validate
from tests.engine.upstream.conftest import living_there
from tests.proxy import Passage, Proxy, Rule

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def meanwhile(do: Callable[[], object]) -> Rule:
    """Once the server has answered, and before that is heard, somebody else does this."""

    def run() -> None:
        try:
            do()
        finally:
            connection.close()

    async def rule(passage: Passage) -> web.StreamResponse:
        answer = await passage.forward()
        await answer.read()
        await asyncio.to_thread(run)
        return web.Response(
            body=await answer.read(), status=answer.status, content_type="application/json"
        )

    return rule


def test_others_can_write_while_a_server_is_asked_to_delete(
    row: ModelProvider, there: OpenAI, proxy: Proxy
) -> None:
    assistant = living_there(row, there)
    project = Project.objects.get(pk=row.project_id)
    written: list[int] = []
    changed = Project.objects.filter(pk=project.pk)
    proxy.on(
        "DELETE",
        r"/assistants/",
        meanwhile(lambda: written.append(changed.update(name="Written meanwhile"))),
    )
    assistant_id = assistant.id
    assistants.delete(assistant)

    assert written == [1]
    assert not Assistant.objects.filter(pk=assistant_id).exists()
    assert AuditEntry.objects.filter(action="assistant.deleted", object_id=assistant_id).exists()


def test_what_is_created_while_a_server_lists_its_assistants_stays(
    row: ModelProvider, there: OpenAI, proxy: Proxy
) -> None:
    given = validate(AssistantCreate, {"model": f"{row.id}/played", "name": "Meanwhile"})
    project = Project.objects.get(pk=row.project_id)
    proxy.on("GET", r"/assistants$", meanwhile(lambda: assistants.create(project, given)))
    upstreams.take_over(row)

    assert Assistant.objects.filter(name="Meanwhile").count() == 1


def test_two_that_take_over_at_once_agree(row: ModelProvider, there: OpenAI, proxy: Proxy) -> None:
    there.beta.assistants.create(model="played", name="Wanted by two")
    lost = living_there(row, there, name="Lost")
    there.beta.assistants.create(model="played", name="Newer")
    there.beta.assistants.update(lost.upstream.upstream_id, name="Changed")
    Assistant.objects.filter(name="Wanted by two").delete()

    def other() -> None:
        upstreams.take_over(row)
        Assistant.objects.get(name="Changed").delete()

    proxy.on("GET", r"/assistants$", meanwhile(other))
    upstreams.take_over(row)

    assert Assistant.objects.filter(name="Wanted by two").count() == 1
    assert Assistant.objects.filter(name="Newer").count() == 1


def test_what_is_made_and_changed_there_is_noted_here(row: ModelProvider, there: OpenAI) -> None:
    given = validate(AssistantCreate, {"model": f"{row.id}/played", "name": "Noted"})
    made = assistants.create(Project.objects.get(pk=row.project_id), given)
    assistants.update(made, validate(AssistantUpdate, {"name": "Noted", "instructions": "Hi."}))

    noted = AuditEntry.objects.filter(object_id=made.id).order_by("pk")
    assert [(entry.action, entry.details) for entry in noted] == [
        ("assistant.created", {}),
        ("assistant.changed", {"fields": ["instructions"]}),
    ]

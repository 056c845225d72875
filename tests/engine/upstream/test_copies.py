"""What is kept here of the assistants of another server, while others are at it too."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web
from django.db import connection
from openai import OpenAI

from assistants.models import Assistant, AuditEntry, ModelProvider, Project
from assistants.operations import assistants
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

"""Runs of assistants that live on a second instance of the product, in processes of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from assistants.models import Assistant, ModelProvider
from assistants.operations import connections, upstreams
from assistants.operations.connections import Connection
from tests.factories import make_project
from tests.proxy import Proxy
from tests.stack import Stack


@pytest.fixture
def there(stack: Stack) -> Iterator[OpenAI]:
    """The second instance, as its own clients see it."""
    stack.chat.forget()
    with OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    """What stands before it."""
    with Proxy(stack.url) as running:
        yield running


@pytest.fixture
def row(transactional_db: None, stack: Stack, proxy: Proxy) -> ModelProvider:
    """The second instance, connected to the default project by way of the proxy."""
    return connected(stack, proxy)


def connected(stack: Stack, proxy: Proxy, **fields: Any) -> ModelProvider:
    given = {
        "kind": "assistants",
        "label": "Team server",
        "base_url": f"{proxy.url}/v1",
        "api_key": stack.api_key,
        **fields,
    }
    return connections.connect(make_project(), Connection(**given))


def living_there(row: ModelProvider, there: OpenAI, **fields: Any) -> Assistant:
    """An assistant that was made on the second instance, as it is here."""
    made = there.beta.assistants.create(**{"model": "played", "name": "Upstairs", **fields})
    upstreams.take_over(row)
    return Assistant.objects.select_related("upstream__provider").get(upstream__upstream_id=made.id)

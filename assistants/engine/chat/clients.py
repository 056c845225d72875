"""One client per provider for the whole process: making one costs some 70 ms, so no run makes
its own.
"""

from django.conf import settings
from openai import (
    AsyncAzureOpenAI,
    AsyncOpenAI,
    DefaultAioHttpClient,
    DefaultAsyncHttpxClient,
    Timeout,
)

from assistants.engine.demo.transport import DemoTransport
from assistants.operations.providers import Provider


class Clients:
    """The clients of one event loop."""

    def __init__(self) -> None:
        self._clients: dict[Provider, AsyncOpenAI] = {}

    def of(self, provider: Provider) -> AsyncOpenAI:
        """The provider's client, made when it is first asked for."""
        if provider not in self._clients:
            self._clients[provider] = _client(provider)
        return self._clients[provider]

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


def _client(provider: Provider) -> AsyncOpenAI:
    if provider.kind == "demo":
        http_client = DefaultAsyncHttpxClient(transport=DemoTransport())
        return AsyncOpenAI(base_url="http://demo/v1", api_key="demo", http_client=http_client)
    # Other deadlines, and asking again, are matters of ``stream``, which knows what was shown.
    # Redirects are not followed: the conversation, and Azure's key, are for this address.
    timeout = Timeout(None, connect=settings.CHAT_CONNECT_SECONDS)
    if provider.has_azure_addresses:
        return AsyncAzureOpenAI(
            azure_endpoint=provider.base_url,
            api_key=provider.api_key,
            api_version=provider.api_version,
            timeout=timeout,
            max_retries=0,
            http_client=DefaultAioHttpClient(follow_redirects=False),
        )
    return AsyncOpenAI(
        base_url=provider.base_url,
        api_key=provider.api_key,
        timeout=timeout,
        max_retries=0,
        http_client=DefaultAioHttpClient(follow_redirects=False),
    )

"""What is heard of streams that no honest server sends."""

import asyncio

import pytest
from aiohttp import web
from openai import AsyncOpenAI

from assistants.engine.upstream.client import Heard, Upstream
from assistants.operations.providers import Provider
from assistants.operations.upstream_failures import UpstreamError
from tests.proxy import Passage, Proxy, Rule

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def says(piece: bytes, times: int = 1) -> Rule:
    async def rule(passage: Passage) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(passage.request)
        try:
            for _ in range(times):
                await response.write(piece)
            await response.write_eof()
        except ConnectionResetError:
            pass  # it is listened to no longer
        return response

    return rule


def heard(rule: Rule) -> list[Heard]:
    async def listen(address: str) -> list[Heard]:
        provider = Provider("assistants", "Team server", address, "sk-1")
        async with AsyncOpenAI(api_key="sk-1", base_url=address, max_retries=0) as client:
            upstream = Upstream(provider, client)
            asking = upstream.runs.create("thread_1", assistant_id="asst_1", stream=True)
            async with asking as response:
                return [one async for one in upstream.stream(response, 10)]

    with Proxy("http://127.0.0.1:9") as proxy:
        proxy.on("POST", r"/runs$", rule)
        return asyncio.run(listen(proxy.url))


def test_an_event_without_a_name_is_no_part_of_the_next() -> None:
    said = b'data: {"nobody": 1}\n\nevent: thread.created\ndata: {"a":\ndata: 1}\n\n'
    assert heard(says(said)) == [Heard("thread.created", b'{"a":1}')]


def test_an_event_without_an_end_is_left() -> None:
    with pytest.raises(UpstreamError, match="an event without an end"):
        heard(says(b"data: " + b"x" * (2**20 - 7) + b"\n", times=64))

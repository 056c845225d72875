"""Following the event log: resuming, many readers, slow readers, lost logs."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from assistants.events import hub as hub_module
from assistants.events import log
from assistants.events.hub import IDLE, RESET, Hub, Idle, Reset
from assistants.events.log import Entry, Event

pytestmark = pytest.mark.django_db(transaction=True)

Item = Entry | Reset | Idle


@pytest.fixture
async def hub(redis_url: str) -> AsyncIterator[Hub]:
    hub = Hub(redis_url)
    yield hub
    await hub.aclose()


async def publish(thread_id: str, *words: str) -> None:
    events = [Event.of("test", {"word": word}) for word in words]
    await asyncio.to_thread(log.publish, thread_id, events)


async def take(items: AsyncIterator[Item], count: int) -> list[str]:
    """The words of the next entries."""
    found: list[str] = []
    async with asyncio.timeout(5):
        async for item in items:
            assert isinstance(item, Entry)
            found.append(item.object["word"])
            if len(found) == count:
                return found
    raise AssertionError(f"only {found} came")


async def test_a_reader_gets_what_was_there_and_then_what_comes(hub: Hub) -> None:
    await publish("thread_a", "one", "two")
    items = hub.follow("thread_a")

    assert await take(items, 2) == ["one", "two"]
    await publish("thread_a", "three")
    assert await take(items, 1) == ["three"]


async def test_a_reader_resumes_after_the_entry_that_it_saw(hub: Hub) -> None:
    await publish("thread_a", "one", "two", "three")
    seen = (await asyncio.to_thread(log.read, "thread_a"))[1].id

    assert await take(hub.follow("thread_a", seen), 1) == ["three"]


async def test_following_another_thread_does_not_wait_for_the_first(hub: Hub) -> None:
    first = hub.follow("thread_a")
    waiting = asyncio.create_task(take(first, 1))
    await asyncio.sleep(0.1)

    second = hub.follow("thread_b")
    waiting_too = asyncio.create_task(take(second, 1))
    await asyncio.sleep(0.1)
    await publish("thread_b", "b")
    await publish("thread_a", "a")

    assert await waiting_too == ["b"]
    assert await waiting == ["a"]


async def test_one_connection_serves_a_hundred_readers(hub: Hub, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("clients")["blocked_clients"]
        readers = [asyncio.create_task(take(hub.follow("thread_a"), 1)) for _ in range(100)]
        await asyncio.sleep(0.5)
        assert hub.followers == 100
        blocked = client.info("clients")["blocked_clients"] - before
    await publish("thread_a", "hello")

    assert await asyncio.gather(*readers) == [["hello"]] * 100
    assert blocked == 1


async def test_a_reader_whose_place_was_lost_is_told_to_begin_again(hub: Hub) -> None:
    await publish("thread_a", "one")

    items = [item async for item in hub.follow("thread_a", "5-0")]

    assert items == [RESET]


async def test_a_reader_that_is_too_slow_is_told_to_begin_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "QUEUE_SIZE", 5)
    items = hub.follow("thread_a")
    await publish("thread_a", "first")
    assert await take(items, 1) == ["first"]

    await publish("thread_a", *(str(number) for number in range(20)))
    await asyncio.sleep(0.3)

    async with asyncio.timeout(5):
        assert [item async for item in items] == [RESET]


async def test_silence_is_told_so_that_a_reader_can_look_at_the_database(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "IDLE_SECONDS", 0.1)

    assert await anext(aiter(hub.follow("thread_a"))) == IDLE


async def test_a_reader_that_leaves_is_forgotten(hub: Hub) -> None:
    items = hub.follow("thread_a")
    await publish("thread_a", "one")
    await take(items, 1)
    assert hub.followers == 1

    await items.aclose()

    assert hub.followers == 0


async def test_readers_go_on_when_redis_comes_back(hub: Hub, redis_url: str) -> None:
    items = hub.follow("thread_a")
    await publish("thread_a", "before")
    assert await take(items, 1) == ["before"]
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal")

    async with asyncio.timeout(5):
        assert await anext(items) is IDLE, "some of what was told meanwhile may be lost"
    await publish("thread_a", "after")

    assert await take(items, 1) == ["after"]

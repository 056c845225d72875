"""Which workers are alive, as all processes see it: each says so again and again, until when it is
to be believed, and for how many more runs it has room.

Redis tells the time, so that hosts whose clocks differ agree.
"""

import os
import socket
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio

from assistants import living

SECONDS: Final = 15
"""A worker that has said nothing for so long is not alive."""

FOLDER: Final = "workers"
"""In RUNTIME_DIR: those that live there."""

_ALIVE: Final = "workers:alive"
"""A sorted set of names, by the Unix time until which they are believed."""
_ROOM: Final = "workers:room"
"""A hash: for how many runs each has room."""


def own_name() -> str:
    """That of this process: one host or container may have several."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def say_alive(client: "redis.asyncio.Redis", name: str, room: int) -> None:
    """To be said again within SECONDS. What others have said for the last time is removed."""
    now = (await client.time())[0]
    gone = await client.zrangebyscore(_ALIVE, "-inf", now)
    async with client.pipeline() as pipe:
        if gone:
            pipe.zrem(_ALIVE, *gone)
            pipe.hdel(_ROOM, *gone)
        pipe.zadd(_ALIVE, {name: now + SECONDS})
        pipe.hset(_ROOM, name, str(room))
        await pipe.execute()


async def say_gone(client: "redis.asyncio.Redis", name: str) -> None:
    async with client.pipeline() as pipe:
        pipe.zrem(_ALIVE, name)
        pipe.hdel(_ROOM, name)
        await pipe.execute()


async def count(client: "redis.asyncio.Redis") -> int:
    """How many are alive."""
    now = (await client.time())[0]
    return int(await client.zcount(_ALIVE, f"({now}", "+inf"))


async def room_of_others(client: "redis.asyncio.Redis", name: str) -> int:
    """For how many runs those that are alive have room, without the one of this name."""
    now = (await client.time())[0]
    alive: list[Any] = await client.zrangebyscore(_ALIVE, f"({now}", "+inf")
    others = [one for one in alive if one != name]
    rooms = await client.hmget(_ROOM, others) if others else []
    return sum(max(0, int(room or 0)) for room in rooms)


def note_here(runtime_dir: Path) -> None:
    """Have the probe of this host or container know of this process, whatever becomes of it."""
    living.note(runtime_dir / FOLDER, own_name())


def silent_here(client: "redis.Redis", runtime_dir: Path) -> list[str] | None:
    """Those of this host or container that live and do not say so: they hang. None where none
    lives.
    """
    begins = f"{socket.gethostname()}:"
    names = [name for name in living.living(runtime_dir / FOLDER) if name.startswith(begins)]
    if not names:
        return None
    now = client.time()[0]
    return sorted(name for name in names if (client.zscore(_ALIVE, name) or 0) <= now)


def forget_all(client: "redis.Redis") -> None:
    """None is alive, for sure."""
    client.delete(_ALIVE, _ROOM)

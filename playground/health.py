"""How every part of the system is, as a process with Django sees it that asks all of them."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import default_storage
from django.db import close_old_connections, connection

from assistants import workers
from playground import interpreter, tables
from playground.parts import Part

TIMEOUT_SECONDS = 2.0
FULL_BYTES: Final = 1024 * 1024
PROBED: Final = "health:probed"
UNSEEN: Final = "no worker can be seen without Redis"
CODE_IS_OFF: Final = "The code interpreter is off. Its log and the studio's settings page say why."
CODE_FAILS: Final = "No Python session can be started. The studio's settings page says why."


class NotAnswering(Exception):
    """A part does not do what it should; the message says what is wrong, without any secret.

    ``public`` says it to strangers, where the message names things of this machine.
    """

    def __init__(self, message: str, public: str = "") -> None:
        super().__init__(message)
        self.public = public or message


async def report() -> dict[str, Part]:
    """Every part, asked at the same time, each within TIMEOUT_SECONDS."""
    database, store, worker, interpreter, *files = await asyncio.gather(
        _ask(sync_to_async(_database, thread_sensitive=False)),
        _redis(),
        _worker(),
        _ask(sync_to_async(_interpreter, thread_sensitive=False)),
        *_files(),
    )
    return {
        "web": Part(ok=True),
        "database": database,
        "redis": store,
        **_named(files),
        "worker": worker if store.ok or worker.ok else Part(ok=False, detail=UNSEEN, public=UNSEEN),
        "interpreter": interpreter,
    }


async def of_web() -> dict[str, Part]:
    """What this web server itself needs, to be ready."""
    return {
        "database": await _ask(sync_to_async(_database, thread_sensitive=False)),
        "static files": await _ask(_static_files),
    }


def beside(name: str) -> dict[str, Part]:
    """Every part but that one, and but the web server, which a worker does not need. For threads.

    :raises TimeoutError: even that cannot be said in time
    """
    with _beginning:
        loop = _loop()
    asked = asyncio.run_coroutine_threadsafe(report(), loop)
    found = asked.result(2 * TIMEOUT_SECONDS)
    return {other: part for other, part in found.items() if other not in {"web", name}}


_beginning: Final = threading.Lock()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for good: its threads are few, and one that hangs on a part is not waited for."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="health", daemon=True).start()
    return loop


async def _ask(question: Callable[[], Awaitable[str]]) -> Part:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return Part(ok=True, detail=await question())
    except NotAnswering as problem:
        return Part(ok=False, detail=str(problem), public=problem.public)
    except TimeoutError:
        wrong = f"no answer within {TIMEOUT_SECONDS:.0f} s"
    except Exception as error:  # whatever is wrong, it is not answering
        wrong = type(error).__name__
    return Part(ok=False, detail=wrong, public=wrong)


def _database() -> str:
    # Of a full disk one can still read, but nothing more is kept.
    if shutil.disk_usage(settings.DATA_DIR).free < FULL_BYTES:
        raise NotAnswering("the disk of DATA_DIR is full: make room")
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _check_tables()
    finally:
        connection.close()
    return ""


@cache
def _check_tables() -> None:
    """Asked until they were right once: tables do not go while a web server runs.

    :raises NotAnswering: they are not those of this version
    """
    if not tables.are_there(tables.newest(), connection):
        raise NotAnswering(tables.MISSING)


async def _static_files() -> str:
    """Whether this process knows the names with a hash. It reads them when it starts."""
    if not getattr(staticfiles_storage, "hashed_files", True):
        raise NotAnswering("none were there when it started: run assets, and start it again")
    return ""


def _files() -> list[Awaitable[Part]]:
    """The file storage, where it is a part of its own: a disk is looked at with the database."""
    check = getattr(default_storage, "check", None)
    if check is None:
        return []

    def ask() -> str:
        check()
        return ""

    return [_ask(sync_to_async(ask, thread_sensitive=False))]


def _named(files: list[Part]) -> dict[str, Part]:
    return dict(zip(["files"], files, strict=False))


def _connection() -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=None,
    )


async def _redis() -> Part:
    async def write() -> str:
        # Asking alone is answered by one that is full as well.
        try:
            await client.set(PROBED, 1, ex=60)
        except redis.exceptions.OutOfMemoryError:
            raise NotAnswering("it is full: give it more room, or volatile-lru") from None
        return ""

    async with _connection() as client:
        return await _ask(write)


async def _worker() -> Part:
    """Each says that it is alive, in Redis. Where nothing can be said, ``redis`` tells why."""

    async def find() -> str:
        if not await workers.count(client):
            raise NotAnswering("no worker is answering")
        return ""

    async with _connection() as client:
        return await _ask(find)


def _interpreter() -> str:
    """Empty, or why the interpreter keeps its tool off."""
    try:
        said = interpreter.ask(TIMEOUT_SECONDS)
    except interpreter.NoAnswer as error:
        raise NotAnswering(str(error), "the interpreter process is not answering") from error
    if said.state == "failing":
        raise NotAnswering(str(said.reason), CODE_FAILS)
    return "" if said.ok else str(said.reason)

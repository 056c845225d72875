"""The runs of one worker process: all on one asyncio loop in a thread of its own.

Celery's task only hands a run over and returns. What bounds and keeps the runs is here: a limit on
how many are under way, the heartbeat that renews their leases, the wishes to cancel, and the drain
when the worker stops.
"""

import asyncio
import contextlib
import functools
import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import MappingProxyType
from typing import Any, Final, TypeVar

import redis
import redis.asyncio
import uvloop
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from assistants import doorbell, metrics, workers
from assistants.engine.asking import Asking
from assistants.engine.chat.clients import Clients
from assistants.engine.execute import Execution
from assistants.engine.executing import Executing, Services, Stop
from assistants.engine.publisher import Publisher
from assistants.engine.upstream.ending import end_there
from assistants.engine.upstream.run import MirroredRun
from assistants.events.control import CANCEL_CHANNEL
from assistants.models import Thread
from assistants.operations import execution
from assistants.operations.execution import LEASE
from assistants.tools.code_interpreter.address import address
from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable
from assistants.traces import Carried, taken_up

logger = logging.getLogger(__name__)

T = TypeVar("T")

INTERPRETER_SECONDS = 20.0
"""How long a code call waits for an interpreter that is being started again."""

NOBODY: Final[Carried] = MappingProxyType({})
DATABASE_THREADS = 4
STORAGE_THREADS = 4
BUSY = "database is locked"
"""What SQLite says when somebody else has written for longer than the connection's timeout."""
BUSY_SECONDS = 120
BEAT_SECONDS = LEASE.total_seconds() / 3
PASS_ON_SECONDS = 1.0


class Host:
    """Start it once per process; ``submit`` and ``stop`` may be called from any thread."""

    def __init__(self) -> None:
        self._name = workers.own_name()
        self._loop = uvloop.new_event_loop()
        self._started = threading.Event()
        self._pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
        self._storage_pool = ThreadPoolExecutor(STORAGE_THREADS, thread_name_prefix="storage")
        self._active: dict[str, tuple[Executing, asyncio.Task[None]]] = {}
        self._waiting: dict[str, Carried] = {}
        """Runs that were accepted and not let go of yet, with the spans of who rang for them."""
        self._rung_again: dict[str, Carried] = {}
        self._wishes: dict[str, Stop] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._slots = asyncio.Semaphore(settings.WORKER_RUNS)
        self._stopping = False
        self._over = threading.Event()
        """Set when nothing is waited for any longer."""
        self._thread = threading.Thread(target=self._serve, name="runs", daemon=True)
        self._thread.start()
        self._started.wait()

    def submit(self, run_id: str, span: Carried = NOBODY) -> None:
        """Execute the run as soon as there is room, if it is still queued then.

        :param span: of whoever began it, below which it is traced
        """
        self._loop.call_soon_threadsafe(self._accept, run_id, span)

    def close_session(self, thread_id: str) -> None:
        """End the code interpreter's session of a thread, with its files."""
        self._loop.call_soon_threadsafe(lambda: self._start(self._close_session(thread_id)))

    def end_upstream(self, run_id: str) -> None:
        """Cancel on its server a run that has ended here."""
        ending = end_there(self._services, run_id)
        self._loop.call_soon_threadsafe(lambda: self._start(ending))

    def close_orphaned_sessions(self) -> None:
        """End the sessions whose threads are gone: the wish to close one may have been lost."""
        self._loop.call_soon_threadsafe(lambda: self._start(self._close_orphaned_sessions()))

    def stop(self) -> None:
        """Take no more runs, let the running ones go on for a while, then let go of them.
        Blocks until done; a second call finds nothing to do.
        """
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result(
            settings.WORKER_GRACE_SECONDS + 10
        )
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        # Each thread gives its connection back: where there is a pool, it would stay taken.
        together = threading.Barrier(DATABASE_THREADS)
        for _ in range(DATABASE_THREADS):
            self._pool.submit(_close_connections, together)
        self._pool.shutdown()
        self._storage_pool.shutdown()

    # --- on the loop
    # --------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._started.set()
        # What is there by now stays. Looking through it for garbage stopped all runs for as long as
        # a word may be late.
        gc.collect()
        gc.freeze()
        self._loop.run_forever()

    async def _open(self) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=None
        )
        self._clients = Clients()
        self._services = Services(
            Asking(self._clients, self._database, self._storage),
            Publisher(settings.REDIS_URL),
            Interpreter(address(), patience=INTERPRETER_SECONDS),
            self._database,
            self._storage,
        )
        self._start(self._heartbeat())
        self._start(self._hear_wishes())
        self._start(self._say_alive())
        self._start(self._pass_on())

    async def _database(self, operation: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._call(self._pool, _in_thread, operation, *args, **kwargs)

    async def _storage(self, operation: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._call(self._storage_pool, _now_and_then, operation, *args, **kwargs)

    async def _call(
        self, pool: ThreadPoolExecutor, way: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T:
        call = functools.partial(copy_context().run, way, self._over, *args, **kwargs)
        # Shielded: the thread goes on writing when the run is cancelled, and what it writes must be
        # known.
        running = asyncio.ensure_future(self._loop.run_in_executor(pool, call))
        running.add_done_callback(_take_note)
        return await asyncio.shield(running)

    def _start(self, coroutine: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _accept(self, run_id: str, span: Carried) -> None:
        if self._stopping:
            return
        if run_id in self._waiting:
            # It may be just about to let go of the run, which is queued again by now.
            self._rung_again[run_id] = span
            return
        self._waiting[run_id] = span
        with taken_up(span):
            self._start(self._execute(run_id))

    async def _execute(self, run_id: str) -> None:
        try:
            async with self._slots:
                if self._stopping:
                    return
                run = await self._database(execution.claim, run_id)
                if run is None:
                    return
                if run.seconds_queued is not None:
                    metrics.queue_seconds.observe(run.seconds_queued)
                kind = MirroredRun if run.mirrored else Execution
                executing = kind(run, self._services)
                task = self._loop.create_task(executing(), name=run_id)
                # A task that is cancelled before its first step never begins, and so never ends
                # its run. Until it has begun, wishes are kept.
                await asyncio.sleep(0)
                self._active[run_id] = (executing, task)
                if why := self._wishes.pop(run_id, None):
                    self._interrupt(run_id, why)
                try:
                    await asyncio.wait([task])
                finally:
                    del self._active[run_id]
        finally:
            self._waiting.pop(run_id, None)
            self._wishes.pop(run_id, None)
            if (span := self._rung_again.pop(run_id, None)) is not None:
                self._accept(run_id, span)

    async def _close_session(self, thread_id: str) -> None:
        try:
            await self._services.interpreter.close(thread_id)
        except InterpreterUnavailable as unavailable:
            logger.warning("the session of %s stays: %s", thread_id, unavailable.reason)

    async def _close_orphaned_sessions(self) -> None:
        try:
            kept = await self._services.interpreter.sessions()
        except InterpreterUnavailable as unavailable:
            logger.warning("sessions are not tidied up: %s", unavailable.reason)
            return
        threads = await self._database(Thread.objects.in_bulk, kept)
        for session in kept:
            if session not in threads:
                await self._close_session(session)

    def _interrupt(self, run_id: str, why: Stop) -> None:
        if found := self._active.get(run_id):
            executing, task = found
            if executing.stop is None:
                executing.stop = why
                task.cancel()
        elif run_id in self._waiting:
            # It is being claimed at this moment.
            self._wishes[run_id] = why

    async def _heartbeat(self) -> None:
        """Renew the leases; see wishes that were not heard, and runs that are not ours any more.

        A run that ends at this very moment has let go of its lease, and its task is not over yet.
        So one without a lease is interrupted when it still works at the next beat; what it writes
        until then is refused.
        """
        doubted: dict[str, str] = {}
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            held = {run_id: found.run.lease for run_id, (found, _) in self._active.items()}
            if not held:
                continue
            try:
                renewal = await self._database(execution.renew, held)
            except Exception:
                logger.exception("the leases were not renewed")
                continue
            for run_id in renewal.cancelling:
                self._interrupt(run_id, "cancel")
            for run_id in renewal.lost:
                if doubted.get(run_id) == held[run_id]:
                    self._interrupt(run_id, "lost")
            doubted = {run_id: held[run_id] for run_id in renewal.lost}

    async def _hear_wishes(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CANCEL_CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self._interrupt(message["data"], "cancel")
            except (redis.RedisError, OSError) as error:
                logger.warning("wishes are not heard (%s); trying again", error)
                await asyncio.sleep(0.5)

    async def _say_alive(self) -> None:
        """Say what the health check looks for, and those who have more runs than room."""
        while True:
            try:
                room = settings.WORKER_RUNS - len(self._active)
                await workers.say_alive(self._redis, self._name, room)
            except (redis.RedisError, OSError):
                logger.warning("Redis does not answer")
            await asyncio.sleep(workers.SECONDS / 3)

    async def _pass_on(self) -> None:
        """What this worker was rung for waits here while it is full, and another may have room:
        ring again for as many. Who hears it is chance, so it may take a few times.
        """
        while True:
            await asyncio.sleep(PASS_ON_SECONDS)
            waiting = [run_id for run_id in self._waiting if run_id not in self._active]
            if not waiting or not self._slots.locked():
                continue
            try:
                room = await workers.room_of_others(self._redis, self._name)
                for run_id in waiting[:room]:
                    with taken_up(self._waiting.get(run_id, NOBODY)):
                        await self._database(doorbell.ring, doorbell.EXECUTE_RUN, run_id)
            except (redis.RedisError, OSError):
                continue
            except Exception:
                logger.exception("waiting runs were not passed on")

    async def _drain(self) -> None:
        self._stopping = True
        tasks = [task for _, task in self._active.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=settings.WORKER_GRACE_SECONDS)
        self._over.set()
        for run_id in list(self._active):
            self._interrupt(run_id, "shutdown")
        if left := [task for _, task in self._active.values()]:
            await asyncio.wait(left, timeout=5)
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(redis.RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await workers.say_gone(self._redis, self._name)
        await self._services.publisher.aclose()
        await self._clients.aclose()
        await self._services.interpreter.aclose()
        await self._redis.aclose()


def _take_note(running: "asyncio.Future[Any]") -> None:
    """What goes wrong after the run was interrupted is nobody's to hear of."""
    if not running.cancelled():
        running.exception()


def _close_connections(together: threading.Barrier) -> None:
    """Close the thread's own, when all threads have come, so that none does it twice."""
    with contextlib.suppress(threading.BrokenBarrierError):
        together.wait(1)
    connections.close_all()


def _in_thread(
    stopping: threading.Event, operation: Callable[..., T], *args: Any, **kwargs: Any
) -> T:
    """Call an operation on the thread's own connection, which is kept: opening one costs more than
    most operations. After an error of the connection the next call opens a new one.

    One that found the database busy has changed nothing and is called again: a run whose answer has
    come is not to fail since its end cannot be written yet.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return operation(*args, **kwargs)
        except (InterfaceError, OperationalError) as error:
            connections.close_all()
            if str(error) != BUSY or time.monotonic() > until or stopping.is_set():
                raise
            logger.warning("the database is busy; trying again")


def _now_and_then(
    stopping: threading.Event, operation: Callable[..., T], *args: Any, **kwargs: Any
) -> T:
    """The same in a thread that seldom has something to do, and keeps no connection until then."""
    try:
        return _in_thread(stopping, operation, *args, **kwargs)
    finally:
        connections.close_all()


@functools.cache
def host() -> Host:
    """The process's host, started when it is first asked for."""
    return Host()

"""The ingestion of one worker process: a few threads that take files for as long as any wait.

Celery's task only wakes them and returns, so that a large batch fills neither the queue nor the
threads of Celery's pool, where runs are handed over. Reading, which takes the time and may go
wrong, is done by child processes; so the loop that executes the runs goes on.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable

from django.db import connections

from assistants.errors import StorageAway
from assistants.operations import embedding, indexes, indexing, ingestion, leftovers
from assistants.operations.embedding_model import Unavailable
from assistants.operations.ingestion import LEASE, Grab
from assistants.retrieval.reader import Reader

logger = logging.getLogger(__name__)

THREADS = 2
BEAT_SECONDS = LEASE.total_seconds() / 3
PAUSE_SECONDS = 1.0
"""After a failure, so that it is not repeated without end at full speed."""
LONGEST_WAIT_SECONDS = 30.0
"""After failures that go on, as while the file storage is away."""
LONGEST_PAUSE_SECONDS = 300.0
"""Before an embedding model that has failed again and again is asked once more."""
GRACE_SECONDS = 3.0
"""How long files that are being read may take once the worker is told to stop."""
CLOSING_SECONDS = 1.0
"""How long what was read may take to be written after that."""


class Ingester:
    """Starts at once; every method may be called from any thread."""

    def __init__(self) -> None:
        self._reader = Reader(THREADS)
        self._changed = threading.Condition()
        self._rung = 0
        """Counts the rings, so that none that comes while a thread looks for work is missed."""
        self._stopped = threading.Event()
        self._grabs: dict[int, Grab] = {}
        self._last_store = ""
        self._cleaning = threading.Lock()
        self._threads = [
            threading.Thread(
                target=self._work, args=[number % 2 > 0], name=f"ingester-{number}", daemon=True
            )
            for number in range(THREADS)
        ]
        heart = threading.Thread(target=self._beat, name="ingester-beat", daemon=True)
        mender = threading.Thread(target=self._mend, name="ingester-mend", daemon=True)
        self._threads.append(
            threading.Thread(target=self._embed, name="ingester-embed", daemon=True)
        )
        for thread in (*self._threads, heart, mender):
            thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Finish what is being written, and give back what is not done. Blocks until then."""
        self._stopped.set()
        self.wake()
        self._join(GRACE_SECONDS)
        self._reader.close()
        self._join(CLOSING_SECONDS)
        for grabbed in list(self._grabs.values()):
            _tried(ingestion.let_go, grabbed)
        _tried(embedding.let_go)
        connections.close_all()

    def _join(self, seconds: float) -> None:
        """Wait so long for all threads together."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    def _work(self, small_first: bool) -> None:
        """Ingest what waits. After failures it is tried again after longer and longer."""
        pause = PAUSE_SECONDS
        while not self._stopped.is_set():
            rung = self._rung
            if _tried(self._work_off, small_first) is None:
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_WAIT_SECONDS)
                continue
            pause = PAUSE_SECONDS
            with self._changed:
                if self._rung == rung and not self._stopped.is_set():
                    self._changed.wait()
        connections.close_all()

    def _embed(self) -> None:
        """Have vectors made. A model that gives none is asked again after longer and longer."""
        pause = PAUSE_SECONDS
        while not self._stopped.is_set():
            rung = self._rung
            if _tried(self._embed_off) is None:
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = PAUSE_SECONDS
            with self._changed:
                if self._rung == rung and not self._stopped.is_set():
                    self._changed.wait()
        connections.close_all()

    def _embed_off(self) -> bool | None:
        try:
            embedding.work_off(self._stopped.is_set)
        except Unavailable as unavailable:
            logger.warning("files are found by their words alone: %s", unavailable)
            return None
        return True

    def _work_off(self, small_first: bool) -> bool | None:
        while not self._stopped.is_set():
            grabbed = ingestion.grab(self._last_store, small_first=small_first)
            if grabbed is not None:
                self._last_store = grabbed.store_id
                try:
                    self._ingest(grabbed)
                except StorageAway:
                    logger.warning("files of %s wait for the file storage", grabbed.store_id)
                    return None
            # Between grabs too: there may be files to ingest for hours.
            if not self._clean() and grabbed is None:
                break
        return True

    def _ingest(self, grabbed: Grab) -> None:
        place = threading.get_ident()
        self._grabs[place] = grabbed
        try:
            ingestion.ingest(grabbed, self._reader, self._stopped.is_set)
            if self._stopped.is_set():
                ingestion.let_go(grabbed)
        finally:
            # After a failure the claim is not renewed, so that the sweep takes the files back.
            del self._grabs[place]
        self.wake()  # for the vectors of what is completed now

    def _clean(self) -> bool:
        if not self._cleaning.acquire(blocking=False):
            return False
        try:
            return leftovers.clean(self._stopped.is_set)
        finally:
            self._cleaning.release()

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            if tokens := [grabbed.token for grabbed in list(self._grabs.values())]:
                _tried(ingestion.renew, tokens)
        connections.close_all()

    def _mend(self) -> None:
        _tried(indexes.keyword_index().clean_up)
        _tried(indexing.rebuild_missing, self._stopped.is_set)
        if _tried(embedding.mend, self._stopped.is_set):
            self.wake()
        connections.close_all()


def _tried(operation: Callable[..., object], *args: object) -> object:
    """What the operation returns, or None when it fails, which the log tells."""
    try:
        return operation(*args)
    except Exception:
        logger.exception("%s failed", getattr(operation, "__name__", operation))
        connections.close_all()
        return None


@functools.cache
def ingester() -> Ingester:
    """The process's ingester, started when it is first asked for."""
    return Ingester()

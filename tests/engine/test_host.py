"""What keeps the runs of a worker."""

import asyncio
import threading

from assistants.engine.host import STORAGE_THREADS, Host
from assistants.models import Run


def test_the_database_is_asked_while_the_file_storage_hangs(host: Host) -> None:
    storage_answers = threading.Event()
    try:
        for _ in range(2 * STORAGE_THREADS):
            waiting = host._storage(storage_answers.wait, 30)
            asyncio.run_coroutine_threadsafe(waiting, host._loop)
        asked = asyncio.run_coroutine_threadsafe(host._database(Run.objects.count), host._loop)
        assert asked.result(10) == 0
    finally:
        storage_answers.set()

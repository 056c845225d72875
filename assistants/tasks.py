"""Celery's entry points. They take ids; everything else is read from the database."""

import logging
import threading
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from assistants import acting, doorbell, workers
from assistants.engine.host import host
from assistants.ingester import ingester
from assistants.operations import (
    embedding,
    files,
    ingestion,
    leftovers,
    people,
    projects,
    retention,
    upstream_imports,
    upstream_mirrors,
)
from assistants.operations import sweep as sweep_runs

logger = logging.getLogger(__name__)


@shared_task(name=doorbell.EXECUTE_RUN, bind=True)
def execute_run(self: "Task[Any, Any]", run_id: str) -> None:
    """Hand the run to this process's loop, with the span of who rang, and return at once."""
    span = {name: str(told) for name, told in (self.request.headers or {}).items()}
    host().submit(run_id, span)


@shared_task(name=doorbell.INGEST)
def ingest() -> None:
    """Tell this process's threads that files wait, and return at once."""
    ingester().wake()


@shared_task(name=doorbell.CLOSE_SESSION)
def close_session(thread_id: str) -> None:
    """End the code interpreter's session of a deleted thread."""
    host().close_session(thread_id)


@shared_task(name=doorbell.END_UPSTREAM)
def end_upstream(run_id: str) -> None:
    """Cancel on its server a run that has ended here."""
    host().end_upstream(run_id)


@shared_task(name=doorbell.IMPORT)
def import_some(import_id: str) -> None:
    """Bring the next few objects of an import, and have somebody go on with the others."""
    upstream_imports.go_on(import_id)


@shared_task(name=doorbell.DELETE_PROJECT)
def delete_project(project_id: str) -> None:
    """Delete some of what is in a project that was deleted, and have somebody go on."""
    projects.delete_some(project_id)


@shared_task(name=doorbell.NOTE_REFUSED)
def note_refused(username: str, way: str, address: str) -> None:
    """Write down that somebody was refused at the sign-in."""
    with acting.acting(acting.GUEST):
        people.note_refused(username, way, address)


@shared_task(name="assistants.tasks.close_orphaned_sessions")
def close_orphaned_sessions() -> None:
    """Every hour: end the code interpreter's sessions of threads that are gone."""
    host().close_orphaned_sessions()


@shared_task(name="assistants.tasks.delete_what_is_over")
def delete_what_is_over() -> None:
    """Every six hours: delete what the settings give up."""
    gone = retention.apply()
    if gone.threads or gone.files:
        told = "%s threads and %s files (%s bytes) that nobody used any more were deleted"
        logger.info(told, gone.threads, gone.files, gone.bytes)


@shared_task(name="assistants.tasks.sweep")
def sweep() -> dict[str, int]:
    """Every few seconds: end, requeue or ring for what was left behind."""
    done: dict[str, int] = {}
    for job in (
        sweep_runs.set_right,
        sweep_runs.reap,
        sweep_runs.expire,
        sweep_runs.ring_again,
        upstream_mirrors.left_running,
        upstream_imports.ring_again,
        projects.ring_again,
        files.delete_expired,
        files.drop_left,
        ingestion.take_back,
        ingestion.ring_again,
        leftovers.ring_again,
        embedding.ring_again,
    ):
        name = f"{job.__module__.rpartition('.')[2]}.{job.__name__}"
        # One job that fails must not keep the others from theirs.
        try:
            done[name] = job()
        except Exception:
            logger.exception("%s failed", name)
    return done


@worker_ready.connect
def start_host(**_: Any) -> None:
    """Be there for wishes and heartbeats before the first run comes, and for files that wait."""
    host()
    workers.note_here(settings.RUNTIME_DIR)
    ingester().wake()


@worker_shutting_down.connect
def stop_host(**_: Any) -> None:
    """Runs and files are not Celery's tasks, so its own warm shutdown would not wait for them."""
    # At once: the runner waits 12 s for a worker, and runs may take 8 of them.
    files_stop = threading.Thread(target=ingester().stop)
    files_stop.start()
    host().stop()
    files_stop.join()

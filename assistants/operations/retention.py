"""Deleting what nobody has used for long, where the settings ask for it.

Threads go by when something was last done in them, with their messages and runs. Files go when they
are old enough and nothing uses them: no assistant, thread, message, run or vector store. So what
code has made for a thread goes after the thread. What was imported keeps the times that it had
where it comes from, and is old enough so long after it has come, as the audit log tells.

What the audit log has had for long goes last (``audit.delete_due``). How long the log of a thread's
events is kept is Redis' to see to (``events.log``).
"""

import logging
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from assistants.models import AuditEntry, File, Project, Run, Thread, clock
from assistants.operations import audit, files, threads

logger = logging.getLogger(__name__)

AT_ONCE = 200


@dataclass
class Over:
    """How many threads are over, how many files with how many bytes, and audit entries."""

    threads: int = 0
    files: int = 0
    bytes: int = 0
    entries: int = 0


def due() -> Over:
    """What ``apply`` would delete now."""
    going = set(_threads().values_list("pk", flat=True))
    found = Over(threads=len(going), entries=audit.due().count())
    for some in _unused_files(going):
        found.files += len(some)
        found.bytes += sum(file.bytes for file in some)
    return found


def apply() -> Over:
    """Delete it, one by one: how much it was. What cannot be deleted keeps nothing else from it."""
    gone = Over()
    for thread_id in list(_threads().values_list("pk", flat=True)):
        # Something may have been done in it since.
        if thread := _idle_threads().filter(pk=thread_id).first():
            try:
                threads.delete(thread)
                gone.threads += 1
            except DatabaseError:
                logger.exception("%s is over, and cannot be deleted", thread_id)
    for some in _unused_files():
        try:
            _delete_unused(some, gone)
        except DatabaseError:
            logger.exception("%s and what follows are over, and cannot be deleted", some[0].id)
    # At last: it tells what was imported when.
    gone.entries = audit.delete_due()
    return gone


def _delete_unused(some: list[File], gone: Over) -> None:
    """Ask once more who uses them, for they may have been used since, and delete those that nobody
    does. Who comes to use one at this moment waits, and is told that it is gone.
    """
    deleted = Over()
    with transaction.atomic():
        asked = File.objects.filter(pk__in=[file.pk for file in some]).order_by("pk")
        held = list(asked.select_for_update())
        uses = files.uses(some[0].project, held)
        for file in held:
            if uses[file.id]:
                continue
            try:
                files.delete(file)
            except DatabaseError:
                logger.exception("%s is over, and cannot be deleted", file.id)
            else:
                deleted.files += 1
                deleted.bytes += file.bytes
    gone.files += deleted.files
    gone.bytes += deleted.bytes


def _threads() -> "QuerySet[Thread]":
    return _idle_threads().exclude(pk__in=_imported("thread", settings.THREAD_DAYS))


def _imported(noun: str, days: int) -> "QuerySet[AuditEntry, str]":
    """The ids of what was imported in the last days."""
    since = clock.now() - timedelta(days=days)
    imports = AuditEntry.objects.filter(action=f"{noun}.imported", at__gte=since)
    return imports.values_list("object_id", flat=True)


def _idle_threads() -> "QuerySet[Thread]":
    if not settings.THREAD_DAYS:
        return Thread.objects.none()
    before = clock.now() - timedelta(days=settings.THREAD_DAYS)
    under_way = Exists(Run.objects.active().filter(thread=OuterRef("pk")))
    return Thread.objects.filter(~under_way, active_at__lt=before).order_by("active_at")


def _unused_files(going: Set[str] = frozenset()) -> Iterator[list[File]]:
    """Some at a time, of one project after the other.

    :param going: the ids of threads whose use does not count
    """
    if not settings.FILE_DAYS:
        return
    before = clock.now() - timedelta(days=settings.FILE_DAYS)
    for project in Project.objects.order_by("pk"):
        old = File.objects.in_project(project).filter(created_at__lt=before).order_by("pk")
        old = old.exclude(pk__in=_imported("file", settings.FILE_DAYS))
        last = ""
        while some := list(old.filter(pk__gt=last).select_related("project")[:AT_ONCE]):
            last = some[-1].pk
            uses = files.uses(project, some)
            for use in uses.values():
                use.thread_ids = [used_by for used_by in use.thread_ids if used_by not in going]
            if unused := [file for file in some if not uses[file.id]]:
                yield unused

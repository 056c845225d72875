"""Deleting what nobody has used for long, where the settings ask for it.

Threads go by when something was last done in them, with their messages and runs. Files go when they
are old enough and nothing uses them: no assistant, thread, message or vector store. So what code
has made for a thread goes after the thread. How long the log of a thread's events is kept is Redis'
to see to (``events.log``); of the audit log ``audit.delete_old``.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, QuerySet

from assistants.models import File, Project, Run, Thread, clock
from assistants.operations import files, threads

logger = logging.getLogger(__name__)

AT_ONCE = 200


@dataclass
class Over:
    """How many threads are over, and how many files with how many bytes."""

    threads: int = 0
    files: int = 0
    bytes: int = 0


def due() -> Over:
    """What ``apply`` would delete now. It would delete some more files: those that only threads use
    that go before.
    """
    found = Over(threads=_threads().count())
    for some in _unused_files():
        found.files += len(some)
        found.bytes += sum(file.bytes for file in some)
    return found


def apply() -> Over:
    """Delete it, one by one: how much it was. What cannot be deleted keeps nothing else from it."""
    gone = Over()
    for thread_id in list(_threads().values_list("pk", flat=True)):
        # Something may have been done in it since.
        if thread := _threads().filter(pk=thread_id).first():
            try:
                threads.delete(thread)
                gone.threads += 1
            except DatabaseError:
                logger.exception("%s is over, and cannot be deleted", thread_id)
    for some in _unused_files():
        for file in some:
            try:
                # Asked once more: it may have been used since.
                if not files.uses(file.project, [file])[file.id]:
                    files.delete(file)
                    gone.files += 1
                    gone.bytes += file.bytes
            except DatabaseError:
                logger.exception("%s is over, and cannot be deleted", file.id)
    return gone


def _threads() -> "QuerySet[Thread]":
    if not settings.THREAD_DAYS:
        return Thread.objects.none()
    before = clock.now() - timedelta(days=settings.THREAD_DAYS)
    under_way = Exists(Run.objects.active().filter(thread=OuterRef("pk")))
    return Thread.objects.filter(~under_way, active_at__lt=before).order_by("active_at")


def _unused_files() -> Iterator[list[File]]:
    """Some at a time, of one project after the other."""
    if not settings.FILE_DAYS:
        return
    before = clock.now() - timedelta(days=settings.FILE_DAYS)
    for project in Project.objects.order_by("pk"):
        old = File.objects.in_project(project).filter(created_at__lt=before).order_by("pk")
        last = ""
        while some := list(old.filter(pk__gt=last).select_related("project")[:AT_ONCE]):
            last = some[-1].pk
            uses = files.uses(project, some)
            if unused := [file for file in some if not uses[file.id]]:
                yield unused

"""What is known of runs, threads and files that are here and on another server: finding it,
writing it down. Whatever opens an object here writes in the same transaction what it is called
there, so that a worker that dies leaves no half of it.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from assistants import doorbell
from assistants.errors import Wire
from assistants.models import (
    File,
    Message,
    Run,
    RunStep,
    StepStatus,
    Thread,
    UpstreamAssistant,
    UpstreamFile,
    UpstreamMessage,
    UpstreamRun,
    UpstreamStore,
    UpstreamThread,
    VectorStore,
    clock,
)
from assistants.models.run import ACTIVE
from assistants.operations import execution, files, providers, steps
from assistants.operations.providers import Provider
from assistants.operations.upstream_failures import UpstreamError, nonsense

NAMED = re.compile(r"[A-Za-z0-9_-]{6,64}")
"""What may be an id in the words of a server."""
OVER_AFTER = timedelta(hours=1)
"""Nobody asks after a run for longer than this once it has ended here."""


def begin(run: Run, home: UpstreamAssistant) -> None:
    """Have the run executed where its assistant lives. For use in the queueing transaction."""
    UpstreamRun.objects.create(
        run=run,
        provider_id=home.provider_id,
        label=home.provider.label,
        assistant_upstream_id=home.upstream_id,
    )


def provider_of(mirrored: UpstreamRun) -> Provider:
    """The server of the run.

    :raises UpstreamError: it was disconnected since, or has another address now, where nobody knows
        the run
    """
    if mirrored.provider is None:
        message = f"{mirrored.label} was disconnected, so the run cannot go on. Connect it again."
        raise UpstreamError("server_error", message, was_done=False)
    found = providers.of_row(mirrored.provider)
    if mirrored.origin and mirrored.origin != providers.origin(found.address):
        message = (
            f"{mirrored.label} has another address now than when the run was created there, so it "
            "cannot go on. Run again."
        )
        raise UpstreamError("server_error", message, was_done=False)
    return found


# The run


@transaction.atomic
def note_asked(run: Run, provider: Provider, thread_upstream_id: str) -> None:
    """The server is about to be asked to create the run.

    :raises LeaseLost: the run is not this worker's any more
    """
    execution.check_held(run)
    row = run.upstream
    row.asked_at, row.thread_upstream_id = clock.now(), thread_upstream_id
    row.origin = providers.origin(provider.address)
    row.save(update_fields=["asked_at", "thread_upstream_id", "origin"])


@transaction.atomic
def note_created(run: Run, upstream_id: str) -> None:
    """The server has created the run, under this id.

    :raises LeaseLost: the run is not this worker's any more
    """
    execution.check_held(run)
    run.upstream.upstream_id = upstream_id
    run.upstream.save(update_fields=["upstream_id"])


def note_over(mirrored: UpstreamRun) -> None:
    """The run has ended there, or need not be asked after any more."""
    UpstreamRun.objects.filter(pk=mirrored.pk).update(is_over=True)
    mirrored.is_over = True


def left_running() -> int:
    """Ring for runs that have ended here, by a cancel or because their time was over, and of which
    nobody knows that they have there. Returns how many.
    """
    left = UpstreamRun.objects.filter(is_over=False).exclude(run__status__in=ACTIVE)
    never_created = Q(asked_at=None) | Q(provider=None)
    left.filter(never_created | Q(run__ended_at__lt=clock.now() - OVER_AFTER)).update(is_over=True)
    ids = list(left.values_list("pk", flat=True)[:100])
    for run_id in ids:
        doorbell.ring(doorbell.END_UPSTREAM, run_id)
    return len(ids)


def to_end(run_id: str) -> UpstreamRun | None:
    """The mirrored run that has ended here and may go on there."""
    found = UpstreamRun.objects.select_related("provider", "run")
    return found.filter(pk=run_id, is_over=False).exclude(run__status__in=ACTIVE).first()


def is_ours_and_over(mirrored: UpstreamRun, run_id: str) -> bool:
    """Whether a run that holds the upstream thread is one of ours that has ended here."""
    found = UpstreamRun.objects.filter(
        pk=run_id,
        provider=mirrored.provider_id,
        thread_upstream_id=mirrored.thread_upstream_id,
    )
    return found.exclude(run__status__in=ACTIVE).exists()


# Steps and messages


@transaction.atomic
def begin_message(
    run: Run, mirror: UpstreamThread, step_there: str, message_there: str
) -> tuple[RunStep, Message]:
    """As ``steps.begin_message``.

    :raises LeaseLost: the run is not this worker's any more
    """
    step, message = steps.begin_message(run)
    _note_step(run, step_there, step)
    keep_message(mirror, message.id, message_there)
    return step, message


@transaction.atomic
def begin_tool_calls(run: Run, step_there: str) -> RunStep:
    """As ``steps.begin_tool_calls``.

    :raises LeaseLost: the run is not this worker's any more
    """
    step = steps.begin_tool_calls(run)
    _note_step(run, step_there, step)
    return step


def _note_step(run: Run, step_there: str, step: RunStep) -> None:
    row = run.upstream
    row.steps = {**row.steps, step_there: step.id}
    row.save(update_fields=["steps"])


def known_steps(run: Run) -> dict[str, tuple[RunStep, Message | None]]:
    """The steps that were opened here, by what they are called there, with the messages that they
    create.
    """
    rows = {step.id: step for step in run.steps.all()}
    messages = {message.id: message for message in Message.objects.filter(run_id=run.id)}
    found: dict[str, tuple[RunStep, Message | None]] = {}
    for there, here in run.upstream.steps.items():
        if (step := rows.get(here)) is None:
            continue
        created = step.step_details.get("message_creation", {})
        found[there] = step, messages.get(created.get("message_id"))
    return found


def outputs(run: Run, call_ids: Iterable[str]) -> list[Wire] | None:
    """The outputs that were handed in here for these calls; None if one is missing."""
    asked = set(call_ids)
    found = {
        call["id"]: call["function"]["output"]
        for step in run.steps.filter(type="tool_calls", status=StepStatus.COMPLETED)
        for call in step.step_details["tool_calls"]
        if call["type"] == "function" and call["function"]["output"] is not None
    }
    if not asked <= set(found):
        return None
    return [{"tool_call_id": call_id, "output": found[call_id]} for call_id in sorted(asked)]


# Threads


def mirror_of(thread: Thread, provider: Provider) -> UpstreamThread | None:
    """The thread's mirror on a server, if it has one."""
    return UpstreamThread.objects.filter(thread=thread, provider=provider.id).first()


def keep_mirror(
    thread: Thread, provider: Provider, upstream_id: str, given: Wire
) -> UpstreamThread:
    """The thread is mirrored in one that was just created."""
    return UpstreamThread.objects.create(
        thread=thread, provider_id=provider.id, upstream_id=upstream_id, given=given
    )


def forget_mirror(mirror: UpstreamThread) -> None:
    """It is gone there."""
    mirror.delete()


def note_given(row: UpstreamThread | UpstreamAssistant, given: Wire) -> None:
    """The server was given these ``tool_resources``."""
    row.given = given
    # Not by ``save``, which raises for a row that was deleted meanwhile.
    rows: Any = type(row)._default_manager
    rows.filter(pk=row.pk).update(given=given)


def unsent(run: Run, mirror: UpstreamThread) -> list[Message]:
    """The messages that the server does not have yet, the oldest first."""
    sent = mirror.messages.values("message_id")
    found = run.thread.messages.exclude(run_id=run.id).exclude(pk__in=sent)
    return list(found.exclude(status=Message.Status.IN_PROGRESS).oldest_first())


def deleted_here(mirror: UpstreamThread) -> list[UpstreamMessage]:
    """What the server still has of messages that are gone here."""
    there = mirror.thread.messages.values("pk")
    return list(mirror.messages.exclude(message_id__in=there))


def keep_message(mirror: UpstreamThread, message_id: str, upstream_id: str) -> None:
    """The server has the message, under this id. Where it has another address meanwhile, or is
    connected no more, the run goes on where it was created, and nothing is known of the new one.
    """
    with transaction.atomic():
        # Held, so that it is not forgotten before the message is written.
        if UpstreamThread.objects.select_for_update().filter(pk=mirror.pk).first() is None:
            return
        UpstreamMessage.objects.get_or_create(
            mirror=mirror, message_id=message_id, defaults={"upstream_id": upstream_id}
        )


def forget_message(row: UpstreamMessage) -> None:
    row.delete()


# Files and vector stores


def file_there(provider: Provider, file_id: str) -> str | None:
    """What a file here is called there."""
    found = UpstreamFile.objects.filter(provider=provider.id, file=file_id)
    return found.values_list("upstream_id", flat=True).first()


def file_here(provider: Provider, upstream_id: str) -> str | None:
    """What a file there is called here."""
    found = UpstreamFile.objects.filter(provider=provider.id, upstream_id=upstream_id)
    return found.values_list("file", flat=True).first()


def is_of_others(run: Run, file_id: str) -> bool:
    """Whether another project has a file of this id, which must not be named in this one."""
    return File.objects.filter(pk=file_id).exclude(project=run.thread.project_id).exists()


def files_by_id(run: Run, file_ids: Iterable[str]) -> dict[str, File]:
    """Those of the files that the run's project has."""
    return File.objects.in_project(run.thread.project).in_bulk(list(file_ids))


def keep_sent_file(provider: Provider, file: File, upstream_id: str) -> None:
    """The server was given the file.

    :raises UpstreamError: it calls another file so already
    """
    taken = UpstreamFile.objects.filter(provider=provider.id, upstream_id=upstream_id)
    if taken.exclude(file=file).exists():
        raise nonsense(provider.label, "one id for two files")
    UpstreamFile.objects.get_or_create(
        provider_id=provider.id, file=file, defaults={"upstream_id": upstream_id}
    )


def keep_copied_file(
    run: Run, provider: Provider, upstream_id: str, path: Path, filename: str
) -> str:
    """Store what was copied from the server, which lies at the path; the file's id.

    :raises TooLarge: more than a file may have
    """
    if known := file_here(provider, upstream_id):
        return known  # another run has copied it meanwhile
    # Before the transaction: it may take long to where the storage is.
    with path.open("rb") as content:
        file = files.stored(run.thread.project, content, filename, files.MADE_BY_ASSISTANT)
    try:
        with transaction.atomic():
            files.insert(file)
            UpstreamFile.objects.create(provider_id=provider.id, file=file, upstream_id=upstream_id)
    except BaseException as error:
        files.discard_unused([file.key])
        quicker = file_here(provider, upstream_id) if isinstance(error, IntegrityError) else None
        if quicker is None:
            raise
        return quicker
    return file.id


def store_there(provider: Provider, store: VectorStore) -> UpstreamStore | None:
    return UpstreamStore.objects.filter(provider=provider.id, store=store).first()


def keep_store(
    provider: Provider, store: VectorStore, upstream_id: str, file_ids: list[str]
) -> None:
    """The server has this store, with these files."""
    UpstreamStore.objects.update_or_create(
        provider_id=provider.id,
        store=store,
        defaults={"upstream_id": upstream_id, "file_ids": file_ids},
    )


def stores_of(run: Run, resources: Wire) -> list[tuple[VectorStore, list[File]]]:
    """The vector stores that are named, with their files."""
    ids = resources.get("file_search", {}).get("vector_store_ids", [])
    found = VectorStore.objects.in_project(run.thread.project).filter(pk__in=ids)
    return [
        (store, [row.file for row in store.files.select_related("file").order_by("created_at")])
        for store in found
    ]


def forget_server(provider_id: str) -> None:
    """The provider's address is another one now: what things are called there is not known."""
    for model in (UpstreamThread, UpstreamFile, UpstreamStore):
        model.objects.filter(provider=provider_id).delete()


@transaction.atomic
def forget_named(provider: Provider, reason: str) -> bool:
    """Forget the files and stores that a server names as it refuses something; they may be gone
    there. Whether there were any.
    """
    named = set(NAMED.findall(reason[:4000]))
    files_gone = UpstreamFile.objects.filter(provider=provider.id, upstream_id__in=named)
    gone = set(files_gone.values_list("file", flat=True))
    stores = UpstreamStore.objects.filter(provider=provider.id)
    for store in stores if gone else ():
        if gone & set(store.file_ids):
            store.file_ids = [one for one in store.file_ids if one not in gone]
            store.save(update_fields=["file_ids"])
    stores_gone, _ = stores.filter(upstream_id__in=named).delete()
    files_gone.delete()
    return bool(gone or stores_gone)


def forget_files(provider_id: str) -> None:
    """The provider's key is another one now, and may be of an account that has none of the files
    and stores. Threads stay, for runs may be under way; one that is not there is made anew.
    """
    for model in (UpstreamFile, UpstreamStore):
        model.objects.filter(provider=provider_id).delete()


def home_of(assistant_id: str) -> UpstreamAssistant | None:
    """Where an assistant lives, if that is not here."""
    found = UpstreamAssistant.objects.select_related("provider", "assistant")
    return found.filter(pk=assistant_id).first()

"""Answers that are replaced: they stand again where nothing came in their place."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from assistants.events import log
from assistants.events.fold import fold
from assistants.models import Assistant, AuditEntry, Message, Run, RunStatus, clock
from assistants.operations import messages, runs, steps, sweep
from assistants.operations.endings import Partial
from assistants.operations.execution import end_early
from tests.api.worker import Worker
from tests.factories import make_assistant, make_run, make_thread

pytestmark = pytest.mark.django_db(transaction=True)


def answered() -> Run:
    """A run that has answered."""
    worker = Worker(make_run(make_thread(None, "Q"), make_assistant()).id)
    worker.answer("First answer.")
    worker.complete()
    return worker.run


def again(run: Run) -> Run:
    return runs.replace(run, Assistant.objects.get(pk=run.assistant_id))[0]


def _fails(run: Run) -> None:
    Worker(run.id).fail("Out of order.")


def _is_cancelled_in_the_queue(run: Run) -> None:
    runs.cancel(run)


def _is_cancelled(run: Run) -> None:
    worker = Worker(run.id)
    runs.cancel(run)
    worker.let_go()


def _expires(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    sweep.expire()


def _is_lost(run: Run) -> None:
    steps.begin_tool_calls(Worker(run.id).run)
    Run.objects.filter(pk=run.pk).update(lease_until=clock.now() - timedelta(seconds=1))
    sweep.reap()


def _is_incomplete(run: Run) -> None:
    worker = Worker(run.id)
    end_early(worker.run, RunStatus.INCOMPLETE, Partial(), incomplete="max_prompt_tokens")


def _waits_and_is_cancelled(run: Run) -> None:
    Worker(run.id).call("weather", "{}")
    runs.cancel(run)


def _says_nothing(run: Run) -> None:
    Worker(run.id).complete()


@pytest.mark.parametrize(
    "ends",
    [
        _fails,
        _is_cancelled_in_the_queue,
        _is_cancelled,
        _expires,
        _is_lost,
        _is_incomplete,
        _waits_and_is_cancelled,
        _says_nothing,
    ],
)
def test_an_answer_stands_again_if_nothing_came_in_its_place(ends: Callable[[Run], None]) -> None:
    run = answered()
    before = run.thread.messages.get(run_id=run.pk)
    second = again(run)
    assert not Message.objects.filter(pk=before.pk).exists()

    ends(second)

    second.refresh_from_db()
    assert not second.is_active
    back = run.thread.messages.newest_first()[0]
    assert back.to_dict() == before.to_dict()
    assert back.created_at == before.created_at
    assert run.thread.messages.count() == 2
    assert list(run.thread.runs.standing()) == [run]
    run.refresh_from_db()
    assert (run.replaced_messages, second.replaced_by) == ([], run.pk)
    # Who listens has the same thread.
    known = fold(log.read(run.thread_id)).messages
    assert known[before.pk] == before.to_dict()
    # To the program that reads the run it is none of it.
    ends_with = [entry.name for entry in log.read(run.thread_id) if entry.run == second.pk][-1]
    assert ends_with == f"thread.run.{second.status}"
    assert AuditEntry.objects.filter(action="message.restored", object_id=before.pk).exists()


def test_what_has_written_something_stands() -> None:
    run = answered()
    worker = Worker(again(run).id)
    _step, message = worker.begin_message()
    worker.say(message, "Sec", first=True)
    worker.fail("Out of order.")
    assert [one.text for one in run.thread.messages.oldest_first()] == ["Q", "Sec"]
    assert list(run.thread.runs.standing()) == [worker.run]


def test_that_which_stood_stands_again_whatever_was_tried_before() -> None:
    first = answered()
    _fails(again(first))
    worker = Worker(again(first).id)
    worker.answer("Better.")
    worker.complete()
    _fails(again(worker.run))
    runs.cancel(again(worker.run))
    assert [one.text for one in first.thread.messages.oldest_first()] == ["Q", "Better."]
    assert list(first.thread.runs.standing()) == [worker.run]
    assert set(
        first.thread.runs.exclude(pk=worker.run.pk).values_list("replaced_by", flat=True)
    ) == {worker.run.pk}
    # What is deleted then takes all of them along.
    messages.delete(first.thread.messages.newest_first()[0])
    assert not [run for run in first.thread.runs.exclude(pk=worker.run.pk) if run.is_kept]

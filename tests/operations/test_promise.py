"""A run is a promise: it ends, once, with a reason, and the thread is free again.

Whatever people ask and workers do, in whatever order: a model says what each may do, and after
every step the database, the log and the lock must agree with it. Workers die without a word, come
back late, and are told of the same run twice.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from assistants.errors import Invalid, ThreadLocked
from assistants.events import log
from assistants.events.fold import fold
from assistants.models import Message, Run, RunStatus, StepStatus, clock
from assistants.operations import execution, messages, runs, sweep
from assistants.operations.endings import Partial
from assistants.operations.execution import LeaseLost
from assistants.params import MessageCreate, ToolOutputsSubmit, validate
from tests.api.worker import Worker
from tests.factories import make_assistant, make_run, make_thread

SEQUENCES = 2_000
STEPS = 12
ACTIVE = ("queued", "in_progress", "requires_action", "cancelling")
FUNCTION = {"type": "function", "function": {"name": "weather"}}

MOMENTS = {
    "completed": {"completed_at"},
    "failed": {"failed_at"},
    "cancelled": {"cancelled_at"},
}
"""Which of a run's times of its end are set."""


class Promise(RuleBasedStateMachine):
    """One thread, its runs one after the other, and the workers that had them."""

    def __init__(self) -> None:
        super().__init__()
        self.status = ""
        """What the last run should be; empty before the first."""
        self.run: Run
        self.worker: Worker | None = None
        """Who holds the run."""
        self.late: list[Worker] = []
        """Who had a run and does not know yet that it is over."""
        self.said: list[str] = []
        self.ended: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        self.assistant = make_assistant(tools=[FUNCTION])
        self.thread = make_thread(None)

    def teardown(self) -> None:
        """What was left under way would fall to the sweeps of the sequences that follow."""
        self.thread.delete()

    # --- what people ask

    @rule()
    def add_a_message(self) -> None:
        text = f"message {len(self.said)}"
        body = validate(MessageCreate, {"role": "user", "content": text})
        if self.is_active:
            with pytest.raises(ThreadLocked):
                messages.create(self.thread, body)
        else:
            messages.create(self.thread, body)
            self.said.append(text)

    @rule()
    def start(self) -> None:
        if self.is_active:
            with pytest.raises(ThreadLocked):
                make_run(self.thread, self.assistant)
        else:
            self.run = make_run(self.thread, self.assistant)
            self.status = "queued"

    @precondition(lambda self: self.status)
    @rule()
    def cancel(self) -> None:
        if self.status not in ("queued", "in_progress", "requires_action"):
            with pytest.raises(Invalid, match="Cannot cancel run with status"):
                runs.cancel(self.run)
            return
        assert runs.cancel(self.run).status == "cancelling"
        self.status = "cancelling" if self.status == "in_progress" else "cancelled"

    @precondition(lambda self: self.status)
    @rule(ids=st.sampled_from([["call_1"], [], ["call_2"], ["call_1", "call_1"]]))
    def submit(self, ids: list[str]) -> None:
        outputs = [{"tool_call_id": call_id, "output": "rain"} for call_id in ids]
        body = validate(ToolOutputsSubmit, {"tool_outputs": outputs})
        if self.status != "requires_action" or ids != ["call_1"]:
            with pytest.raises(Invalid):
                runs.submit_tool_outputs(self.run, body)
        else:
            runs.submit_tool_outputs(self.run, body)
            self.status = "queued"

    # --- what workers do

    @precondition(lambda self: self.status)
    @rule()
    def hear_of_the_run(self) -> None:
        """As often as the message comes: only a queued run is anybody's."""
        if self.status == "queued":
            self.worker = Worker(self.run.id)
            self.status = "in_progress"
        else:
            assert execution.claim(self.run.id) is None

    @precondition(lambda self: self.worker)
    @rule()
    def answer(self) -> None:
        assert self.worker
        self.worker.answer("It rains", " in Oslo.")

    @precondition(lambda self: self.worker)
    @rule()
    def begin_to_answer(self) -> None:
        assert self.worker
        if not Message.objects.filter(run_id=self.run.id, status="in_progress").exists():
            _, message = self.worker.begin_message()
            self.worker.say(message, "It", first=True)

    @precondition(lambda self: self.worker and not self._is_writing())
    @rule()
    def call_a_function(self) -> None:
        assert self.worker
        self.worker.call("weather", "{}")
        self.worker = None
        self.status = "cancelled" if self.status == "cancelling" else "requires_action"

    @precondition(lambda self: self.worker and not self._is_writing())
    @rule()
    def complete(self) -> None:
        assert self.worker
        self.worker.complete()
        self._over("completed")

    @precondition(lambda self: self.worker)
    @rule(status=st.sampled_from(["failed", "incomplete", "expired"]))
    def end_early(self, status: str) -> None:
        assert self.worker
        reasons: dict[str, dict[str, Any]] = {
            "failed": {"error": {"code": "server_error", "message": "No."}},
            "incomplete": {"incomplete": "max_prompt_tokens"},
        }
        more = reasons.get(status, {})
        written = Partial(self.worker._written)
        execution.end_early(self.worker.run, RunStatus(status), written, **more)
        self._over(status)

    @precondition(lambda self: self.worker)
    @rule()
    def be_told_to_stop(self) -> None:
        assert self.worker
        seen = self.run.steps.exists()
        execution.let_go(self.worker.run, Partial(self.worker._written))
        self._given_back(seen=seen)

    @precondition(lambda self: self.worker)
    @rule()
    def die(self) -> None:
        """Without a word: its lease runs out, and the sweep takes the run."""
        assert self.worker
        seen = self.run.steps.exists()
        past = clock.now() - timedelta(seconds=1)
        Run.objects.filter(pk=self.run.pk).update(lease_until=past)
        assert sweep.reap() == 1
        self.late.append(self.worker)
        self._given_back(seen=seen)

    @precondition(lambda self: self.late)
    @rule(deed=st.sampled_from(["begin_message", "complete", "let_go"]))
    def come_back_late(self, deed: str) -> None:
        """A worker that was thought dead can do nothing any more."""
        late = self.late[-1]
        before = self._events()
        act: Callable[[], object] = getattr(late, deed)
        with pytest.raises(LeaseLost):
            act()
        assert self._events() == before

    # --- time

    @precondition(lambda self: self.status in ("queued", "requires_action"))
    @rule()
    def wait_past_the_end(self) -> None:
        past = clock.now() - timedelta(seconds=1)
        Run.objects.filter(pk=self.run.pk).update(expires_at=past)
        assert sweep.expire() == 1
        self.status = "expired"

    @rule()
    def sweep(self) -> None:
        """Nothing is overdue, so nothing changes."""
        assert sweep.reap() == sweep.expire() == 0

    @precondition(lambda self: self.worker)
    @rule()
    def renew(self) -> None:
        assert self.worker
        renewal = execution.renew({self.run.id: self.worker.run.lease})
        assert not renewal.lost
        assert bool(renewal.cancelling) == (self.status == "cancelling")

    # --- what holds at all times

    @invariant()
    def the_run_is_what_it_should_be(self) -> None:
        if not self.status:
            return
        row = Run.objects.get(pk=self.run.pk)
        assert row.status == self.status
        shown = row.to_dict()
        over = self.status not in ACTIVE
        assert {name for name in ("completed_at", "failed_at", "cancelled_at") if shown[name]} == (
            MOMENTS.get(self.status, set())
        )
        assert (shown["last_error"] is not None) == (self.status == "failed")
        assert (shown["incomplete_details"] is not None) == (self.status == "incomplete")
        assert (shown["required_action"] is not None) == (self.status == "requires_action")
        assert (shown["expires_at"] is not None) == (not over or self.status == "expired")
        assert (shown["usage"] is not None) == over
        assert bool(row.lease) == (self.worker is not None)

    @invariant()
    def the_thread_is_locked_by_an_active_run_alone(self) -> None:
        if self.status:
            assert self.thread.runs.active().exists() == self.is_active

    @invariant()
    def what_is_over_stays_as_it_is(self) -> None:
        if self.status and not self.is_active:
            self.ended.setdefault(self.run.id, self.status)
        for run_id, status in self.ended.items():
            run = Run.objects.get(pk=run_id)
            assert run.status == status
            assert not run.steps.filter(status=StepStatus.IN_PROGRESS).exists()
            assert not Message.objects.filter(run_id=run_id, status="in_progress").exists()
            told = [
                name.removeprefix("thread.run.")
                for name, of in self._events()
                if of == run_id and name.startswith("thread.run.") and name.count(".") == 2
            ]
            ends = [name for name in told if name not in (*ACTIVE, "created")]
            assert ends == [status]
            assert told[-1] == status

    @invariant()
    def the_log_tells_what_the_database_has(self) -> None:
        if not self.status:
            return
        state = fold(log.read(self.thread.id))
        assert state.runs == {row.id: row.to_dict() for row in self.thread.runs.all()}

    @invariant()
    def no_message_is_lost_or_there_twice(self) -> None:
        if self.said:
            asked = self.thread.messages.filter(role="user").oldest_first()
            assert [message.text for message in asked] == self.said

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    def _is_writing(self) -> bool:
        return Message.objects.filter(run_id=self.run.id, status="in_progress").exists()

    def _over(self, status: str) -> None:
        """The worker ended the run; whoever asked to cancel it first has won."""
        self.worker = None
        self.status = "cancelled" if self.status == "cancelling" else status

    def _given_back(self, *, seen: bool) -> None:
        self.worker = None
        if self.status == "cancelling":
            self.status = "cancelled"
        else:
            self.status = "failed" if seen else "queued"

    def _events(self) -> list[tuple[str, str]]:
        return [(entry.name, entry.run) for entry in log.read(self.thread.id)]


@pytest.mark.timeout(600)
def test_every_run_ends_once_and_frees_its_thread(transactional_db: None, redis_url: str) -> None:
    run_state_machine_as_test(
        Promise,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

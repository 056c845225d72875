"""Budgets of tokens: what counts, when, and that nobody slips past one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from assistants import acting
from assistants.acting import Actor
from assistants.errors import Invalid, OutOfQuota
from assistants.models import (
    ApiKey,
    Assistant,
    AuditEntry,
    ModelProvider,
    Project,
    Run,
    Thread,
    TokenUse,
    UpstreamAssistant,
    clock,
)
from assistants.operations import budgets, execution, projects, runs, sweep, threads
from tests.api.worker import USAGE, Worker
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.django_db

SPENT: int = USAGE["total_tokens"]  # type: ignore[assignment]


def used(run: Run) -> None:
    """Execute it to its end."""
    worker = Worker(run.id)
    worker.answer("Hello.")
    execution.complete(worker.run)


def queued(project: Project, key: ApiKey | None = None) -> Run:
    actor = Actor("key", key.id, key.name) if key else Actor("user", "1", "Mei")
    with acting.acting(actor):
        return make_run(make_thread(project, "Hi"), make_assistant(project))


def budgeted(project: Project, **limits: int | None) -> Project:
    return budgets.set_of_project(project, limits.get("day"), limits.get("month"))


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def key(project: Project) -> ApiKey:
    return projects.create_api_key(project, "notebook")[0]


def test_what_a_run_used_is_counted_by_day_key_and_model(project: Project, key: ApiKey) -> None:
    for _ in range(2):
        used(queued(project, key))
    used(queued(project))

    rows = TokenUse.objects.order_by("key_id").values_list("key_id", "model", "runs", "day")
    assert list(rows) == [("", "demo", 1, budgets.today()), (key.id, "demo", 2, budgets.today())]
    assert TokenUse.objects.in_project(project.pk).tokens() == 3 * SPENT
    assert TokenUse.objects.by_key() == {"": SPENT, key.id: 2 * SPENT}


def test_a_run_remembers_the_key_that_began_it(project: Project, key: ApiKey) -> None:
    assert queued(project, key).key_id == key.id
    assert queued(project).key_id == ""


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_used_up_budget_of_a_project_stops_everybody(
    project: Project, key: ApiKey, period: str
) -> None:
    budgeted(project, **{period: SPENT})
    used(queued(project))

    for who in (None, key):
        with pytest.raises(OutOfQuota) as caught:
            queued(project, who)
    assert (caught.value.whose, caught.value.period, caught.value.limit) == (
        "project",
        period,
        SPENT,
    )
    queued(make_project("Second"))


def test_a_used_up_budget_of_a_key_stops_that_key(project: Project, key: ApiKey) -> None:
    projects.change_api_key(key, "all", SPENT, None)
    used(queued(project, key))

    with pytest.raises(OutOfQuota) as caught:
        queued(project, key)
    assert caught.value.whose == "key"
    queued(project)


def test_a_budget_begins_anew_with_its_period(project: Project) -> None:
    budgeted(project, day=SPENT, month=2 * SPENT)
    used(queued(project))
    with pytest.raises(OutOfQuota):
        queued(project)

    first = budgets.beginning("month")
    TokenUse.objects.update(day=first - timedelta(days=1))
    used(queued(project))
    assert TokenUse.objects.in_project(project.pk).tokens() == 2 * SPENT


def test_runs_under_way_count_with_what_they_set_aside(project: Project) -> None:
    budgeted(project, day=budgets.LIKELY_ANSWER)
    queued(project)

    with pytest.raises(OutOfQuota):
        queued(project)


def test_a_run_elsewhere_sets_all_aside_that_it_may_use(project: Project) -> None:
    budgets.set_of_project(project, 5000, None)
    server = ModelProvider.objects.create(project=project, kind="assistants", label="Team server")
    assistant = make_assistant(project)
    UpstreamAssistant.objects.create(assistant=assistant, provider=server, upstream_id="asst_1")
    assistant = Assistant.objects.get(pk=assistant.pk)
    limits = {"max_prompt_tokens": 4000, "max_completion_tokens": 1000}
    run = make_run(make_thread(project, "Hi"), assistant, **limits)

    assert run.set_aside == 5000
    with pytest.raises(OutOfQuota):
        make_run(make_thread(project, "Hi"), assistant)


def test_without_a_budget_nothing_is_set_aside(project: Project) -> None:
    assert queued(project).set_aside == 0


def test_a_call_counts_what_its_run_has_used_and_will_read(project: Project) -> None:
    budgeted(project, day=1000)
    run = Worker(queued(project).id).run

    budgets.admit_call(run, spent=100, size=300)
    run.refresh_from_db()
    assert run.set_aside == 100 + 300 + budgets.LIKELY_ANSWER
    budgets.admit_call(run, spent=999, size=1)
    with pytest.raises(OutOfQuota):
        budgets.admit_call(run, spent=1000, size=1)


def test_a_deleted_thread_takes_no_tokens_back(project: Project) -> None:
    budgeted(project, day=100_000)
    run = Worker(queued(project).id).run
    budgets.admit_call(run, spent=0, size=300)
    threads.delete(run.thread)

    assert budgets.used(project.pk, _day(project)) == 300 + budgets.LIKELY_ANSWER
    waiting = queued(project)
    threads.delete(waiting.thread)
    assert budgets.used(project.pk, _day(project)) == 300 + budgets.LIKELY_ANSWER


def test_the_call_of_a_worker_that_is_gone_is_not_free(project: Project) -> None:
    budgeted(project, day=10_000)
    worker = Worker(queued(project).id)
    worker.begin_message()
    budgets.admit_call(worker.run, spent=0, size=300)
    Run.objects.update(lease_until=clock.now() - timedelta(hours=1))
    assert sweep.reap() == 1
    counted = TokenUse.objects.in_project(project.pk).tokens()
    assert counted == 300 + budgets.LIKELY_ANSWER


def _day(project: Project) -> budgets.Budget:
    project.refresh_from_db()
    return budgets.of_project(project)[0]


def test_a_cancelled_run_sets_nothing_aside_any_more(project: Project) -> None:
    budgeted(project, day=budgets.LIKELY_ANSWER)
    runs.cancel(queued(project))

    queued(project)


def test_a_budget_is_a_number_of_tokens_and_changing_it_is_noted(project: Project) -> None:
    for limit in (-1, budgets.MAX_TOKENS + 1):
        with pytest.raises(Invalid):
            budgeted(project, day=limit)
    budgeted(project, day=5)

    entry = AuditEntry.objects.get()
    assert entry.action == "project.budget_changed"
    assert entry.details == {"day_tokens": 5}
    budgeted(project)
    assert budgets.of_project(Project.objects.get(pk=project.pk)) == []


@pytest.fixture
def several() -> Iterator[ThreadPoolExecutor]:
    def leave(_: object) -> None:
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        yield pool
        list(pool.map(leave, range(24)))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_the_last_token(several: ThreadPoolExecutor) -> None:
    project = budgeted(make_project(), day=1)
    assistant = make_assistant(project)
    beside = [make_thread(project, "Hi") for _ in range(12)]

    def begin(thread: Thread) -> bool:
        try:
            make_run(thread, assistant)
        except OutOfQuota:
            return False
        else:
            return True

    assert sum(several.map(begin, beside)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_at_once_one_gets_the_last_token(several: ThreadPoolExecutor) -> None:
    project = make_project()
    held = [Worker(queued(project).id).run for _ in range(12)]
    budgeted(project, day=1)

    def ask(run: Run) -> bool:
        try:
            budgets.admit_call(run, spent=0, size=10)
        except OutOfQuota:
            return False
        else:
            return True

    assert sum(several.map(ask, held)) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_that_ends_at_once_is_lost(several: ThreadPoolExecutor) -> None:
    project = make_project()
    beside = [queued(project) for _ in range(12)]

    list(several.map(used, beside))

    assert TokenUse.objects.get().runs == 12
    assert TokenUse.objects.in_project(project.pk).tokens() == 12 * SPENT

"""Budgets: how many tokens the runs of a project, and those of a key, may use in a day and in a
month (UTC).

Tokens count when their run has ended, on that day. Until then the run sets aside what it has used
and what the model call that is under way is likely to use, so that runs beside each other cannot
all take the last token. A run, and each model call of one, begins only while what is used and what
is set aside are less than the budget; a call that has begun is finished. So a budget is exceeded
by no more than the last call took, and what calls beside it wrote beyond what they had set aside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from django.db import transaction
from django.db.models import F, Q, Sum

from assistants import refusals, tokens
from assistants.errors import Wire
from assistants.models import ApiKey, Project, Run, RunStatus, TokenUse, clock
from assistants.models.run import RunQuerySet
from assistants.operations import audit

LIKELY_ANSWER: Final = 512
"""So many tokens are set aside for what a model will write, if it may write so many."""
MAX_TOKENS: Final = 10**15

Whose = Literal["project", "key"]
Period = Literal["day", "month"]


@dataclass(frozen=True)
class Budget:
    """One limit, and how much of it is used.

    :param key_id: whose it is; empty for the project's
    """

    key_id: str
    period: Period
    limit: int

    @property
    def whose(self) -> Whose:
        return "key" if self.key_id else "project"


def today() -> date:
    """The day by which tokens are counted."""
    return clock.now().date()


def beginning(period: Period) -> date:
    """The first day of the present period."""
    day = today()
    return day if period == "day" else day.replace(day=1)


def used(project_id: str, budget: Budget) -> int:
    """The tokens of runs that have ended in the present period."""
    found = TokenUse.objects.in_project(project_id).since(beginning(budget.period))
    return (found.filter(key_id=budget.key_id) if budget.key_id else found).tokens()


def admit(run: Run, project: Project, *, is_elsewhere: bool = False) -> None:
    """Let a run begin, within the transaction that creates it; where there is a budget it sets
    aside what its first model call will use at least.

    :param is_elsewhere: it is executed on another server, whose model calls nobody here admits: it
        sets aside all that it may use, as far as that is limited
    :raises OutOfQuota: a budget is used up
    """
    if budgets := list(_budgets(project.pk, run.key_id)):
        _check(project.pk, budgets, Run.objects.all())
        answer = likely_answer(run.max_completion_tokens)
        run.set_aside = tokens.estimate(run.instructions or "") + answer
        if is_elsewhere:
            limits = (run.max_prompt_tokens or 0) + (run.max_completion_tokens or 0)
            run.set_aside = max(run.set_aside, limits)


def admit_call(run: Run, spent: int, size: int) -> None:
    """Let a run make one more model call. Writes only where there is a budget.

    :param spent: tokens that the run's earlier calls have used
    :param size: tokens that the model will read
    :raises OutOfQuota: a budget is used up
    """
    project_id = run.thread.project_id
    budgets = list(_budgets(project_id, run.key_id))
    if not budgets:
        return
    with transaction.atomic():
        _check(project_id, budgets, Run.objects.exclude(pk=run.pk), spent)
        aside = spent + size + likely_answer(run.max_completion_tokens)
        Run.objects.filter(pk=run.pk, lease=run.lease).update(set_aside=aside)


def likely_answer(limit: int | None) -> int:
    """
    :param limit: how many tokens the run may write, if that is limited
    """
    return min(limit or LIKELY_ANSWER, LIKELY_ANSWER)


def count(run: Run, usage: Wire) -> None:
    """Count what a run has used, once, within the transaction that ends it.

    One row is written, so that runs that end beside each other wait for each other at most.
    """
    about = {
        "project_id": run.thread.project_id,
        "day": today(),
        "key_id": run.key_id,
        "model": run.answered_by or run.model,
    }
    rows = TokenUse.objects.filter(**about)
    added = {
        "runs": F("runs") + 1,
        "prompt_tokens": F("prompt_tokens") + usage["prompt_tokens"],
        "completion_tokens": F("completion_tokens") + usage["completion_tokens"],
    }
    if not rows.update(**added):
        # Another run's end may make it at this moment.
        TokenUse.objects.bulk_create([TokenUse(**about)], ignore_conflicts=True)
        rows.update(**added)


def count_broken_off(run: Run, usage: Wire) -> None:
    """Count what a run has used that is deleted before its end, or whose worker is gone; what it
    has set aside, if that is more: its last model call will not tell any more.
    """
    beyond = run.set_aside - usage["prompt_tokens"] - usage["completion_tokens"]
    if run.status != RunStatus.QUEUED and beyond > 0:
        usage = {**usage, "prompt_tokens": usage["prompt_tokens"] + beyond}
    count(run, usage)


@transaction.atomic
def set_of_project(project: Project, day: int | None, month: int | None) -> Project:
    """
    :param day: and ``month``: how many tokens its runs may use; None for as many as they like
    :raises Invalid: one of them is below zero, or absurdly large
    """
    check_limits(day, month)
    row = Project.objects.select_for_update().get(pk=project.pk)
    row.day_tokens, row.month_tokens = day, month
    row.save(update_fields=["day_tokens", "month_tokens"])
    audit.note("project.budget_changed", row, row, day_tokens=day, month_tokens=month)
    return row


def check_limits(day: int | None, month: int | None) -> None:
    """
    :raises Invalid: one of them is below zero, or absurdly large
    """
    for limit in (day, month):
        if limit is not None and not 0 <= limit <= MAX_TOKENS:
            raise refusals.BUDGET_RANGE(limit=MAX_TOKENS)


def of_project(project: Project) -> list[Budget]:
    return list(_of("", project.day_tokens, project.month_tokens))


def of_key(key: ApiKey) -> list[Budget]:
    return list(_of(key.pk, key.day_tokens, key.month_tokens))


def _budgets(project_id: str, key_id: str) -> Iterator[Budget]:
    """The limits as they are now, in one query for the project and one for the key."""
    limits = Project.objects.filter(pk=project_id).values_list("day_tokens", "month_tokens")
    for day, month in limits:
        yield from _of("", day, month)
    yield from _of_key(key_id)


def _of_key(key_id: str) -> Iterator[Budget]:
    if key_id:
        limits = ApiKey.objects.filter(pk=key_id).values_list("day_tokens", "month_tokens")
        for day, month in limits:
            yield from _of(key_id, day, month)


def _of(key_id: str, day: int | None, month: int | None) -> Iterator[Budget]:
    if day is not None:
        yield Budget(key_id, "day", day)
    if month is not None:
        yield Budget(key_id, "month", month)


def _check(project_id: str, budgets: list[Budget], others: RunQuerySet, spent: int = 0) -> None:
    """
    :param others: the runs whose tokens that are set aside count
    :param spent: what counts besides
    :raises OutOfQuota: one of the budgets is used up
    """
    # From here to the commit nobody else of the project looks. Rows that name the project can be
    # made meanwhile.
    Project.objects.select_for_update(no_key=True).only("pk").get(pk=project_id)
    key_id = next((budget.key_id for budget in budgets if budget.key_id), "")
    keys = Q(key_id=key_id)
    # First these: a run that ends in between is counted twice, not overlooked.
    aside = _set_aside(project_id, key_id, others)
    tokens_of = F("prompt_tokens") + F("completion_tokens")
    since = {budget.period: beginning(budget.period) for budget in budgets}
    taken = (
        TokenUse.objects.in_project(project_id)
        .since(min(since.values()))
        .aggregate(
            **{
                f"{whose}_{period}": Sum(tokens_of, filter=Q(day__gte=day) & of_whom)
                for period, day in since.items()
                for whose, of_whom in (("project", Q()), ("key", keys))
            }
        )
    )
    for budget in budgets:
        used_now = taken[f"{budget.whose}_{budget.period}"] or 0
        if used_now + aside[budget.whose] + spent >= budget.limit:
            error = refusals.QUOTA()
            error.whose, error.period, error.limit = budget.whose, budget.period, budget.limit
            raise error


def _set_aside(project_id: str, key_id: str, others: RunQuerySet) -> dict[str, int]:
    """What the active ones of these runs have set aside, of the project and of the key.

    All projects' active runs are looked at, of which there are few: asked for those of one, SQLite
    would go through all threads that it has.
    """
    active = others.active().filter(set_aside__gt=0).order_by()
    found = {"project": 0, "key": 0}
    by_key = active.values_list("thread__project", "key_id").annotate(tokens=Sum("set_aside"))
    for of_project_id, of_key_id, tokens_aside in by_key:
        if of_project_id == project_id:
            found["project"] += tokens_aside
            if of_key_id == key_id:
                found["key"] += tokens_aside
    return found

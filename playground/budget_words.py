"""Budgets of tokens as people see them: how much of each is used, and what can be done when one is
used up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistants.errors import OutOfQuota
from assistants.operations import budgets
from assistants.operations.budgets import Budget


@dataclass(frozen=True)
class Meter:
    """How much of a budget is used. ``until`` says when it begins anew."""

    label: str
    used: int
    limit: int
    until: str

    @property
    def shown(self) -> int:
        """Where the bar ends, which has a length of at least one."""
        return min(self.used, self.most)

    @property
    def most(self) -> int:
        return max(self.limit, 1)

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.limit


def meters(project_id: str, limits: list[Budget]) -> list[Meter]:
    return [
        Meter(
            _("Today") if budget.period == "day" else _("This month"),
            budgets.used(project_id, budget),
            budget.limit,
            anew(budget.period),
        )
        for budget in limits
    ]


def anew(period: str) -> str:
    """When the next period begins, by the reader's clock."""
    day = budgets.today()
    first = day + timedelta(days=1)
    if period == "month":
        first = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    moment = datetime.combine(first, time(), UTC)
    return date_format(localtime(moment), "DAY_TIME")


def used_up(problem: OutOfQuota) -> str:
    """Why no run begins, and what can be done."""
    sentence = {
        ("project", "day"): _(
            "The project’s budget for today, {tokens}, is used up or set aside for runs "
            "under way. Runs begin again on {moment}, or when an owner raises the budget in "
            "settings."
        ),
        ("project", "month"): _(
            "The project’s budget for this month, {tokens}, is used up or set aside for "
            "runs under way. Runs begin again on {moment}, or when an owner raises the budget in "
            "settings."
        ),
    }.get(
        (problem.whose, problem.period),
        _(
            "The key’s budget, {tokens}, is used up or set aside for runs under way. Runs "
            "begin again on {moment}, or when an owner raises the budget in settings."
        ),
    )
    limit = number_format(problem.limit, force_grouping=True)
    tokens = ngettext("{n} token", "{n} tokens", problem.limit).format(n=limit)
    return sentence.format(tokens=tokens, moment=anew(problem.period))

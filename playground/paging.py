"""Long lists, a page at a time."""

import re
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

T = TypeVar("T")

PAGE_SIZE: Final = 50
NUMBER: Final = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class Page(Generic[T]):
    """``number`` counts from 1; ``more`` is the number of the next page, None at the end."""

    rows: list[T]
    number: int
    more: int | None


def page(request: HttpRequest, found: "QuerySet[Any, T]") -> Page[T]:
    """The page that the address asks for. What is no number is the first."""
    asked = request.GET.get("page", "")
    number = max(1, int(asked)) if NUMBER.fullmatch(asked) else 1
    rows = list(found[(number - 1) * PAGE_SIZE :][: PAGE_SIZE + 1])
    return Page(rows[:PAGE_SIZE], number, number + 1 if len(rows) > PAGE_SIZE else None)

"""What every object of the API has: an id that says what it is, a time of creation, an owner, a
place in a list.
"""

import secrets
import string
from typing import Any, ClassVar, Literal, Self, TypeVar

from django.db import models
from django.db.models import Q

from assistants import refusals
from assistants.models import clock

ALPHABET = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def new_id(prefix: str, length: int = 24, alphabet: str = ALPHABET) -> str:
    """An unguessable id in the service's form, for example ``asst_`` and 24 letters or digits."""
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


M = TypeVar("M", bound="Listed")


class ObjectQuerySet(models.QuerySet[M]):
    """Reads that every noun shares."""

    def fetch(self, object_id: str, path: str = "") -> M:
        """The object with this id in this set.

        :param path: where the caller named it, unless in the parameter that has the noun's name
        :raises Invalid: the id does not begin as ids of this noun do
        :raises NotFound: nothing in this set has it
        """
        self.model.check_id(object_id, path)
        found = self.filter(**{self.model.known_by: object_id}).first()
        if found is None:
            raise refusals.not_found(self.model.noun, object_id)
        return found

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "pk")

    def page(
        self,
        *,
        limit: int = 20,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
        before: str | None = None,
    ) -> tuple[list[M], bool]:
        """One page of a list and whether more follow, in the meaning of the API's cursors.

        ``before`` alone gives the page that ends just before it, as a reader who pages back
        expects.
        """
        ascending = order == "asc"
        found = self
        if after:
            found = found._beyond(self.fetch(after, "after"), later=ascending)
        if before:
            found = found._beyond(self.fetch(before, "before"), later=not ascending)
        backwards = bool(before) and not after
        forward = ascending is not backwards
        found = found.oldest_first() if forward else found.newest_first()
        rows = list(found[: limit + 1])
        more = len(rows) > limit
        rows = rows[:limit]
        return (rows[::-1] if backwards else rows), more

    def _beyond(self, row: M, *, later: bool) -> Self:
        sign = "gt" if later else "lt"
        return self.filter(
            Q(**{f"created_at__{sign}": row.created_at})
            | Q(**{"created_at": row.created_at, f"pk__{sign}": row.pk})
        )


class Listed(models.Model):
    """A row that has a place in a list of the API."""

    noun: ClassVar[str]
    prefix: ClassVar[str]
    known_by: ClassVar[str] = "pk"
    """The field with the id that callers know the row by."""

    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def check_id(cls, object_id: str, path: str = "") -> None:
        """
        :param path: where the caller named it, unless in the parameter that has the noun's name
        :raises Invalid: the id does not begin with this noun's prefix
        """
        begins = cls.prefix.rstrip("_-")
        if not object_id.startswith(begins):
            path = path or f"{cls.noun.replace(' ', '_')}_id"
            raise refusals.WRONG_ID(path=path, given=object_id, prefix=begins)


class ApiObject(Listed):
    """A row that the API shows under an id of its own."""

    id_length: ClassVar[int] = 24
    id_alphabet: ClassVar[str] = ALPHABET

    id = models.CharField(primary_key=True, max_length=64, editable=False)

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.id:
            self.id = new_id(self.prefix, self.id_length, self.id_alphabet)

    def __str__(self) -> str:
        return self.id

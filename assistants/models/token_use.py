"""How many tokens a project's runs have used, added up by day: what budgets look at."""

from collections.abc import Iterable
from datetime import date

from django.db import models

from assistants.models.project import Project


class TokenUseQuerySet(models.QuerySet["TokenUse"]):
    def in_project(self, project_id: str) -> "TokenUseQuerySet":
        return self.filter(project=project_id)

    def since(self, day: date) -> "TokenUseQuerySet":
        return self.filter(day__gte=day)

    def tokens(self) -> int:
        """Read and written, all together."""
        total = models.Sum(models.F("prompt_tokens") + models.F("completion_tokens"))
        return int(self.aggregate(total=total)["total"] or 0)

    def by_key(self) -> dict[str, int]:
        """The tokens by the ids of the keys."""
        total = models.Sum(models.F("prompt_tokens") + models.F("completion_tokens"))
        rows: Iterable[tuple[str, int]] = (
            self.order_by().values_list("key_id").annotate(total=total)
        )
        return dict(rows)


class TokenUse(models.Model):
    """What the runs that ended on one day have used, by the key that began them and the model that
    answered.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="token_uses", db_index=False)
    day = models.DateField()
    """In UTC."""
    key_id = models.CharField(max_length=64)
    """Empty for runs that people began in the studio, and those of the environment's key."""
    model = models.CharField(max_length=256)
    """By the name that its provider knows."""
    runs = models.BigIntegerField(default=0)
    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)

    objects = models.Manager.from_queryset(TokenUseQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "day", "key_id", "model"], name="one_token_use_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project_id} {self.day} {self.key_id} {self.model}"

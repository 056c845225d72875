"""What was done in a project, and by whom."""

from datetime import datetime

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def in_project(self, project: Project) -> "AuditEntryQuerySet":
        return self.filter(project=project)

    def newest_first(self) -> "AuditEntryQuerySet":
        return self.order_by("-pk")

    def by(self, kind: str, actor_id: str) -> "AuditEntryQuerySet":
        return self.filter(actor_kind=kind, actor_id=actor_id)


class AuditEntry(models.Model):
    """One thing that somebody did. Written once, never changed; names are kept as they were then,
    since who and what they name may be gone when it is read.
    """

    project = models.ForeignKey(
        Project, models.CASCADE, related_name="audit_entries", db_index=False
    )
    at = models.DateTimeField(default=clock.now, editable=False)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=256)
    action = models.CharField(max_length=64)
    """A noun of the API and what was done to it: ``assistant.created``."""
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=256)
    details = OrderedJSON(default=dict)

    objects = models.Manager.from_queryset(AuditEntryQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="audit_newest_first")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"

    @property
    def noun(self) -> str:
        return self.action.partition(".")[0]

    def to_dict(self) -> Wire:
        """As a line of the log and of the export has it."""
        at: datetime = self.at
        return {
            "time": at.isoformat(timespec="milliseconds"),
            "project": self.project_id,
            "actor": {"kind": self.actor_kind, "id": self.actor_id, "name": self.actor_name},
            "action": self.action,
            "object": {"id": self.object_id, "name": self.object_name},
            "details": self.details,
        }

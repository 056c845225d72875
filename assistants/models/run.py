"""A run of an assistant on a thread, and the steps that it took."""

from typing import TYPE_CHECKING

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.thread import Thread

if TYPE_CHECKING:
    from assistants.models.upstream import UpstreamRun


class RunStatus(models.TextChoices):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    REQUIRES_ACTION = "requires_action"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    EXPIRED = "expired"


ACTIVE = (
    RunStatus.QUEUED,
    RunStatus.IN_PROGRESS,
    RunStatus.REQUIRES_ACTION,
    RunStatus.CANCELLING,
)
"""In these a run holds the lock of its thread; every other status is the end."""


class RunQuerySet(ObjectQuerySet["Run"]):
    def active(self) -> "RunQuerySet":
        return self.filter(status__in=ACTIVE)

    def standing(self) -> "RunQuerySet":
        """Those in whose place no other has been put."""
        return self.filter(replaced_by="")


class Run(ApiObject):
    noun = "run"
    prefix = "run_"

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="runs")
    assistant_id = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.QUEUED)
    required_action = OrderedJSON(null=True)
    last_error = OrderedJSON(null=True)
    incomplete_details = OrderedJSON(null=True)
    model = models.CharField(max_length=256)
    answered_by = models.CharField(max_length=256, default="", blank=True)
    """The name by which its provider knows the model; another than ``model`` where that is an
    alias. Of a run that is executed on another server, what that is called.
    """
    instructions = models.TextField(null=True)
    tools = OrderedJSON(default=list)
    tool_resources = OrderedJSON(default=dict)
    metadata = OrderedJSON(default=dict)
    usage = OrderedJSON(null=True)
    temperature = models.FloatField(null=True, default=1.0)
    top_p = models.FloatField(null=True, default=1.0)
    reasoning_effort = models.CharField(max_length=16, null=True)
    max_prompt_tokens = models.IntegerField(null=True)
    max_completion_tokens = models.IntegerField(null=True)
    truncation_strategy = OrderedJSON(default=dict)
    response_format = OrderedJSON()
    tool_choice = OrderedJSON()
    parallel_tool_calls = models.BooleanField(default=True)
    overrides = OrderedJSON(default=dict)
    """What whoever started the run gave in place of the assistant's own, by the names of the
    request. Not on the wire: the studio shows it, and asks for the same when it runs again.
    """

    created_by = OrderedJSON(default=dict)
    """Who started it: what ``Actor.kept`` gave. Not on the wire either."""
    key_id = models.CharField(max_length=64, default="", blank=True)
    """The API key that began the run; empty if a person did, or the key of the environment."""
    set_aside = models.BigIntegerField(default=0)
    """Tokens that count as used while the run is active, where there is a budget; see
    ``operations.budgets``.
    """

    replaced_by = models.CharField(max_length=64, default="", blank=True)
    """The run that stands in the place of this one; empty for one that stands. Not on the wire."""
    replaces = models.CharField(max_length=64, default="", blank=True)
    """The run that stood when this one was put in its place. Should this one end without a message,
    that stands again.
    """
    replaced_messages = OrderedJSON(default=list)
    """What the run had written when another was put in its place: message objects of the API, each
    under ``message``, with their exact times under ``at``. Only pages show them, to members.
    """

    expires_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(default=clock.now)
    """When the run began to wait for a worker: at first, and again when its functions' outputs had
    come.
    """
    started_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When the run reached its end, whichever it was; the API has no one field for that."""

    lease = models.CharField(max_length=32, default="", blank=True)
    """The token of the worker that executes the run. Only its holder may write what the run
    does.
    """
    lease_until = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(RunQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["thread", "created_at"]),
            models.Index(fields=["status", "lease_until"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["thread"],
                condition=models.Q(status__in=[status.value for status in ACTIVE]),
                name="one_active_run_a_thread",
            )
        ]

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_kept(self) -> bool:
        """Whether a run that was replaced can still be shown: what it wrote, or that it wrote
        nothing.
        """
        return bool(self.replaced_messages or self.replaces)

    @property
    def mirrored(self) -> "UpstreamRun | None":
        """What it is on the server that executes it; None for a run that is executed here."""
        return getattr(self, "upstream", None)

    @property
    def seconds(self) -> float | None:
        """How long the run took from its creation, or None while it is active."""
        return (self.ended_at - self.created_at).total_seconds() if self.ended_at else None

    @property
    def seconds_queued(self) -> float | None:
        """How long the run waited for a worker, the last time that it did; None if none has begun
        since.
        """
        if self.started_at is None or self.started_at < self.queued_at:
            return None
        return (self.started_at - self.queued_at).total_seconds()

    @property
    def vector_store_ids(self) -> list[str]:
        """The assistant's store, then the thread's."""
        return list(self.tool_resources.get("file_search", {}).get("vector_store_ids", []))

    def has_tool(self, tool_type: str) -> bool:
        return any(tool["type"] == tool_type for tool in self.tools)

    def to_dict(self) -> Wire:
        """The run object of the API; every key is always present."""
        return {
            "id": self.id,
            "object": "thread.run",
            "created_at": clock.unix(self.created_at),
            "assistant_id": self.assistant_id,
            "thread_id": self.thread_id,
            "status": self.status,
            "started_at": clock.unix(self.started_at),
            "expires_at": clock.unix(self.expires_at),
            "cancelled_at": clock.unix(self.cancelled_at),
            "failed_at": clock.unix(self.failed_at),
            "completed_at": clock.unix(self.completed_at),
            "required_action": self.required_action,
            "last_error": self.last_error,
            "model": self.model,
            "instructions": self.instructions,
            "tools": self.tools,
            # Recordings do not show which vector stores a run searches.
            "tool_resources": {
                name: resources
                for name, resources in self.tool_resources.items()
                if name != "file_search"
            },
            "metadata": self.metadata,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "reasoning_effort": self.reasoning_effort,
            "max_completion_tokens": self.max_completion_tokens,
            "max_prompt_tokens": self.max_prompt_tokens,
            "truncation_strategy": self.truncation_strategy,
            "incomplete_details": self.incomplete_details,
            "usage": self.usage,
            "response_format": self.response_format,
            "tool_choice": self.tool_choice,
            "parallel_tool_calls": self.parallel_tool_calls,
        }


class StepStatus(models.TextChoices):
    IN_PROGRESS = "in_progress"
    CANCELLED = "cancelled"
    FAILED = "failed"
    COMPLETED = "completed"
    EXPIRED = "expired"


class RunStepQuerySet(ObjectQuerySet["RunStep"]):
    pass


class RunStep(ApiObject):
    noun = "run step"
    prefix = "step_"

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps")
    type = models.CharField(max_length=16)
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.IN_PROGRESS)
    step_details = OrderedJSON(default=dict)
    last_error = OrderedJSON(null=True)
    metadata = OrderedJSON(default=dict)
    usage = OrderedJSON(null=True)
    saved_files = OrderedJSON(default=dict)
    """Ids of the files that code saved in this step, by their paths in the sandbox. Not on the
    wire: messages link to them, and the studio shows them.
    """
    searches = OrderedJSON(default=dict)
    """By the ids of file search calls, what the wire does not have of them: ``queries``, the
    ``number`` in the markers of their results, the ``pages`` that those are on, and where they
    begin (``starts``) in the text of their files; and the places of those that are there because a
    document was asked for as a whole (``beginnings``).
    """
    expires_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When the step reached its end, whichever it was."""

    objects = models.Manager.from_queryset(RunStepQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["run", "created_at"])]

    @property
    def seconds(self) -> float | None:
        """How long the step took, or None while it goes on."""
        return (self.ended_at - self.created_at).total_seconds() if self.ended_at else None

    def to_dict(self) -> Wire:
        """The run step object of the API, with the fields of the specification and of the
        recordings.
        """
        return {
            "id": self.id,
            "object": "thread.run.step",
            "created_at": clock.unix(self.created_at),
            "run_id": self.run_id,
            "assistant_id": self.run.assistant_id,
            "thread_id": self.run.thread_id,
            "type": self.type,
            "status": self.status,
            "cancelled_at": clock.unix(self.cancelled_at),
            "completed_at": clock.unix(self.completed_at),
            "expires_at": clock.unix(self.expires_at),
            "expired_at": clock.unix(self.expired_at),
            "failed_at": clock.unix(self.failed_at),
            "last_error": self.last_error,
            "step_details": self.step_details,
            "metadata": self.metadata,
            # Known early where functions are waited for, but the service tells it at the end.
            "usage": None if self.status == StepStatus.IN_PROGRESS else self.usage,
        }

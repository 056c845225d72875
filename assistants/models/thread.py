"""A thread and its messages."""

import json

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project


class ThreadQuerySet(ObjectQuerySet["Thread"]):
    def in_project(self, project: Project) -> "ThreadQuerySet":
        return self.filter(project=project)

    def last_active_first(self) -> "ThreadQuerySet":
        return self.order_by("-active_at", "-pk")

    def matching(self, words: str) -> "ThreadQuerySet":
        """Those whose title, id or messages contain the words, in large letters or small ones."""
        # Contents are looked at as JSON.
        written = json.dumps(words, ensure_ascii=False)[1:-1]
        return self.filter(
            models.Q(metadata__title__icontains=words)
            | models.Q(opening__icontains=words)
            | models.Q(pk__icontains=words)
            | models.Exists(
                Message.objects.filter(thread=models.OuterRef("pk"), content__icontains=written)
            )
        )


class Thread(ApiObject):
    noun = "thread"
    prefix = "thread_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="threads")
    metadata = OrderedJSON(default=dict)
    tool_resources = OrderedJSON(default=dict)
    opening = models.CharField(max_length=120, default="", blank=True)
    """The beginning of the first message: what a thread without a title is listed as."""
    active_at = models.DateTimeField(default=clock.now)
    assistant_id = models.CharField(max_length=64, default="", blank=True)
    """The assistant of the newest run, so that opening a thread offers it again."""

    objects = models.Manager.from_queryset(ThreadQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["project", "active_at"])]

    @property
    def title(self) -> str:
        """The metadata entry "title" (the studio's Rename writes it), else how the thread opens."""
        return str(self.metadata.get("title") or self.opening)

    @property
    def code_interpreter_file_ids(self) -> list[str]:
        return list(self.tool_resources.get("code_interpreter", {}).get("file_ids", []))

    @property
    def vector_store_ids(self) -> list[str]:
        return list(self.tool_resources.get("file_search", {}).get("vector_store_ids", []))

    def to_dict(self) -> Wire:
        """The thread object of the API."""
        return {
            "id": self.id,
            "object": "thread",
            "created_at": clock.unix(self.created_at),
            "metadata": self.metadata,
            "tool_resources": self.tool_resources,
        }


class MessageQuerySet(ObjectQuerySet["Message"]):
    pass


class Message(ApiObject):
    noun = "message"
    prefix = "msg_"

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress"
        INCOMPLETE = "incomplete"
        COMPLETED = "completed"

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="messages")
    role = models.CharField(max_length=16)
    status = models.CharField(max_length=16, choices=Status, default=Status.COMPLETED)
    content = OrderedJSON(default=list)
    attachments = OrderedJSON(default=list)
    metadata = OrderedJSON(default=dict)
    author = OrderedJSON(default=dict)
    """Who added it: what ``Actor.kept`` gave. Not on the wire: the studio shows it."""
    assistant_id = models.CharField(max_length=64, null=True)
    run_id = models.CharField(max_length=64, null=True)
    incomplete_reason = models.CharField(max_length=32, default="", blank=True)
    incomplete_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(MessageQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["thread", "created_at", "id"]),
            models.Index(fields=["run_id"]),
        ]

    @property
    def text(self) -> str:
        """All text parts, one below the other."""
        return "\n".join(part["text"]["value"] for part in self.content if part["type"] == "text")

    def to_dict(self) -> Wire:
        """The message object of the API. The fields about completion are always sent: some
        recordings of the service lack them outside streams, and a superset satisfies every
        client.
        """
        return {
            "id": self.id,
            "object": "thread.message",
            "created_at": clock.unix(self.created_at),
            "assistant_id": self.assistant_id,
            "thread_id": self.thread_id,
            "run_id": self.run_id,
            "status": self.status,
            "incomplete_details": (
                {"reason": self.incomplete_reason} if self.incomplete_reason else None
            ),
            "incomplete_at": clock.unix(self.incomplete_at),
            "completed_at": clock.unix(self.completed_at),
            "role": self.role,
            "content": self.content,
            "attachments": self.attachments,
            "metadata": self.metadata,
        }

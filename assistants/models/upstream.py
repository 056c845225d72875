"""What lives on another server that speaks the Assistants API, and what it is called there.

Such a server is a ``ModelProvider`` of kind "assistants". Each row here goes with its provider, so
that nothing of one project's server is ever found from another project.
"""

from django.db import models

from assistants.models import clock
from assistants.models.assistant import Assistant
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.file import File
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project
from assistants.models.provider import ModelProvider
from assistants.models.run import Run
from assistants.models.thread import Thread
from assistants.models.vector_store import VectorStore


class UpstreamAssistant(models.Model):
    """Makes an assistant one that lives elsewhere: its row is a copy, and its runs go there."""

    assistant = models.OneToOneField(
        Assistant, models.CASCADE, primary_key=True, related_name="upstream"
    )
    provider = models.ForeignKey(ModelProvider, models.CASCADE, related_name="assistants")
    upstream_id = models.CharField(max_length=64)
    seen = OrderedJSON(default=dict)
    """The assistant as the server last told it."""
    given = OrderedJSON(default=dict)
    """The ``tool_resources`` of the row here that the server was given last."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "upstream_id"], name="upstream_assistant_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.assistant_id} is {self.upstream_id}"


class UpstreamThread(models.Model):
    """A thread's mirror on a server."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="mirrors")
    provider = models.ForeignKey(ModelProvider, models.CASCADE, related_name="+")
    upstream_id = models.CharField(max_length=64)
    given = OrderedJSON(default=dict)
    """The ``tool_resources`` of the thread here that the server was given last."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "provider"], name="one_mirror_a_server")
        ]

    def __str__(self) -> str:
        return f"{self.thread_id} is {self.upstream_id}"


class UpstreamMessage(models.Model):
    """A message that is here and there. The row outlives the message here, so that it can be
    deleted there too.
    """

    mirror = models.ForeignKey(UpstreamThread, models.CASCADE, related_name="messages")
    message_id = models.CharField(max_length=64)
    upstream_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mirror", "message_id"], name="upstream_message_once")
        ]

    def __str__(self) -> str:
        return f"{self.message_id} is {self.upstream_id}"


class UpstreamFile(models.Model):
    """A file that is here and there: uploaded from here, or copied from there."""

    provider = models.ForeignKey(ModelProvider, models.CASCADE, related_name="+")
    file = models.ForeignKey(File, models.CASCADE, related_name="+")
    upstream_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "upstream_id"], name="upstream_file_once"),
            models.UniqueConstraint(fields=["provider", "file"], name="upstream_file_of_file"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} is {self.upstream_id}"


class UpstreamStore(models.Model):
    """A vector store whose files were given to a server, in one of its own."""

    provider = models.ForeignKey(ModelProvider, models.CASCADE, related_name="+")
    store = models.ForeignKey(VectorStore, models.CASCADE, related_name="+")
    upstream_id = models.CharField(max_length=64)
    file_ids = OrderedJSON(default=list)
    """The files here that it was given."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "store"], name="upstream_store_once")
        ]

    def __str__(self) -> str:
        return f"{self.store_id} is {self.upstream_id}"


class UpstreamRun(models.Model):
    """Makes a run one that is executed elsewhere and copied here.

    ``asked_at`` is written before the server is asked to create it, ``upstream_id`` as soon as it
    has said what it is called: whoever finds the first without the second looks for the run there
    before asking again.
    """

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="upstream")
    provider = models.ForeignKey(
        ModelProvider, models.SET_NULL, null=True, related_name="mirrored_runs"
    )
    label = models.CharField(max_length=100)
    """What the provider was called when the run began."""
    assistant_upstream_id = models.CharField(max_length=64)
    origin = models.CharField(max_length=300, blank=True, default="")
    """The scheme, host and port that were asked to create it, and no others are asked after it."""
    thread_upstream_id = models.CharField(max_length=64, blank=True, default="")
    upstream_id = models.CharField(max_length=64, blank=True, default="")
    asked_at = models.DateTimeField(null=True)
    steps = OrderedJSON(default=dict)
    """Ids of the steps here by what they are called there."""
    is_over = models.BooleanField(default=False)
    """Whether it has ended there, as far as is known, or need not be asked after any more."""

    class Meta:
        indexes = [models.Index(fields=["is_over"])]

    def __str__(self) -> str:
        return f"{self.run_id} is {self.upstream_id or 'not created yet'}"


class ImportQuerySet(ObjectQuerySet["UpstreamImport"]):
    def in_project(self, project: Project) -> "ImportQuerySet":
        return self.filter(project=project)

    def going_on(self) -> "ImportQuerySet":
        return self.filter(status__in=(ImportStatus.QUEUED, ImportStatus.IN_PROGRESS))


class ImportStatus(models.TextChoices):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class UpstreamImport(ApiObject):
    """Objects of a server that are to be kept here under their ids. Workers do it in pieces, so
    that one that dies, or stops, holds up nothing.
    """

    noun = "import"
    prefix = "import_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    provider = models.ForeignKey(ModelProvider, models.SET_NULL, null=True, related_name="+")
    label = models.CharField(max_length=100)
    """What the provider was called."""
    wanted = OrderedJSON(default=dict)
    """``assistants`` and ``vector_stores``, whether all of them; ``thread_ids``, a list."""
    status = models.CharField(max_length=16, choices=ImportStatus, default=ImportStatus.QUEUED)
    error = models.TextField(blank=True, default="")
    listed = OrderedJSON(default=list)
    """What has been listed already, by the names in ``wanted``."""
    lease = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(default=clock.now)
    """Until then one worker is at it."""
    ended_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ImportQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["status", "lease_until"])]

    @property
    def goes_on(self) -> bool:
        return self.status in (ImportStatus.QUEUED, ImportStatus.IN_PROGRESS)


class ImportItem(models.Model):
    """One object that is to be brought."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        BROUGHT = "brought"
        KEPT = "kept"
        FAILED = "failed"

    job = models.ForeignKey(UpstreamImport, models.CASCADE, related_name="items")
    noun = models.CharField(max_length=16)
    """``file``, ``vector_store``, ``assistant`` or ``thread``: in this order they are brought."""
    rank = models.SmallIntegerField(default=0)
    upstream_id = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status, default=Status.WAITING)
    error = models.TextField(blank=True, default="")
    counts = OrderedJSON(default=dict)
    """Of a thread or a vector store: how many objects it has there (``there``) and here (``here``),
    by their nouns.
    """
    differs = OrderedJSON(default=list)
    """What is not here as it is there: ids of objects with the fields in question, at most as many
    as are looked at by anybody.
    """
    is_listed = models.BooleanField(default=True)
    """False for a thread that was not looked through for files and stores yet."""
    reading = OrderedJSON(default=dict)
    """How far a thread was read, so that the next page is: see ``operations.upstream_threads``."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "noun", "upstream_id"], name="import_item_once")
        ]
        indexes = [models.Index(fields=["job", "status", "rank"])]

    def __str__(self) -> str:
        return f"{self.noun} {self.upstream_id}"


class ImportPage(models.Model):
    """A page of a thread's messages, runs or steps, as it was told, until the thread is whole."""

    item = models.ForeignKey(ImportItem, models.CASCADE, related_name="pages")
    noun = models.CharField(max_length=16)
    objects_told = OrderedJSON(default=list)

    class Meta:
        indexes = [models.Index(fields=["item", "noun"])]

    def __str__(self) -> str:
        return f"{self.noun}s of {self.item}"

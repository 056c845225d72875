"""A stored file: uploaded by a person or a program, or made by the code interpreter."""

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.project import Project


class FileQuerySet(ObjectQuerySet["File"]):
    def in_project(self, project: Project) -> "FileQuerySet":
        return self.filter(project=project)

    def matching(self, words: str) -> "FileQuerySet":
        """Those whose name, folder or id contains the words."""
        named = models.Q(filename__icontains=words) | models.Q(folder__icontains=words)
        return self.filter(named | models.Q(pk__icontains=words))


class File(ApiObject):
    """The bytes lie in the file storage under ``key``; the name and the purpose are only ever
    text.
    """

    noun = "file"
    prefix = "file-"
    id_length = 22

    project = models.ForeignKey(Project, models.CASCADE, related_name="files")
    filename = models.CharField(max_length=512)
    folder = models.CharField(max_length=1024, default="", blank=True)
    """Where it lay in the folder that it came with, such as "handbook/2026"; only ever shown, so
    that files of one name can be told apart.
    """
    purpose = models.CharField(max_length=32)
    bytes = models.BigIntegerField()
    key = models.CharField(max_length=255)
    status = models.CharField(max_length=16, default="processed")
    expires_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(FileQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"])]

    @property
    def place(self) -> str:
        """The name behind its folder."""
        return f"{self.folder}/{self.filename}" if self.folder else self.filename

    def to_dict(self) -> Wire:
        """The file object of the API."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.bytes,
            "created_at": clock.unix(self.created_at),
            "expires_at": clock.unix(self.expires_at),
            "status": self.status,
            "status_details": None,
        }


class LeftContent(models.Model):
    """The bytes of a file that was deleted, until they are deleted too."""

    key = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.key

"""Who owns what: a project, its members, and the API keys that open it."""

import hashlib
import secrets

from django.conf import settings
from django.db import models

from assistants.models.base import ApiObject, ObjectQuerySet


class ProjectQuerySet(ObjectQuerySet["Project"]):
    def of_member(self, user_id: int) -> "ProjectQuerySet":
        return self.filter(members=user_id)


class Project(ApiObject):
    """Everything belongs to exactly one project; nothing is visible from another."""

    noun = "project"
    prefix = "proj_"

    name = models.CharField(max_length=256)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="projects")

    objects = models.Manager.from_queryset(ProjectQuerySet)()


class ApiKeyQuerySet(ObjectQuerySet["ApiKey"]):
    def of_secret(self, secret: str) -> "ApiKey | None":
        """The usable key with this secret, with its project."""
        return (
            self.filter(digest=ApiKey.digest_of(secret), revoked_at=None)
            .select_related("project")
            .first()
        )


class ApiKey(ApiObject):
    """A key that programs send. Only its digest is kept; the secret is shown once, when it is made.

    A plain SHA-256 is enough, because the secret is 32 random bytes: there is nothing to guess.
    """

    noun = "API key"
    prefix = "key_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=256)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ApiKeyQuerySet)()

    @staticmethod
    def new_secret() -> str:
        return "sk-" + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

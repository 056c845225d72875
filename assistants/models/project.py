"""Who owns what: a project, its members, and the API keys that open it."""

import hashlib
import secrets

from django.conf import settings
from django.db import models

from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON


class ProjectQuerySet(ObjectQuerySet["Project"]):
    def of_member(self, user_id: int) -> "ProjectQuerySet":
        return self.filter(memberships__user=user_id)

    def present(self) -> "ProjectQuerySet":
        """Those that nobody has deleted."""
        return self.filter(deleted_at=None)


class Project(ApiObject):
    """Everything belongs to exactly one project; nothing is visible from another."""

    noun = "project"
    prefix = "proj_"

    name = models.CharField(max_length=256)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="projects", through="Membership"
    )
    day_tokens = models.BigIntegerField(null=True)
    """How many tokens its runs may use in a day; None for as many as they like."""
    month_tokens = models.BigIntegerField(null=True)
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Of one that was deleted, when that was, or when a worker was last at what is in it. Nothing
    leads into it any more.
    """

    objects = models.Manager.from_queryset(ProjectQuerySet)()


class Role(models.TextChoices):
    """What a member may do: owners everything, editors all but keys, providers and members, viewers
    nothing but look.
    """

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do all that the other one may."""
        ranks = list(Role)
        return ranks.index(self) <= ranks.index(other)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_user(self, user_id: int) -> "MembershipQuerySet":
        """Their memberships with the projects, that of the oldest project first."""
        of_them = self.filter(user=user_id).select_related("project")
        return of_them.order_by("project__created_at", "project_id")


class Membership(models.Model):
    """A person in a project, and what they may do in it."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = models.Manager.from_queryset(MembershipQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.project_id}: {self.role}"

    def may(self, role: Role) -> bool:
        """Whether the member may do what takes this role."""
        return Role(self.role).includes(role)


class Scope(models.TextChoices):
    """What a key may do: everything, look, or what it takes to have conversations. Which request
    is which is in ``assistants.api.scopes``.
    """

    ALL = "all"
    READ = "read"
    RUNS = "runs"


class ApiKeyQuerySet(ObjectQuerySet["ApiKey"]):
    def usable(self) -> "ApiKeyQuerySet":
        """Those that are neither revoked nor past their time."""
        in_time = models.Q(expires_at=None) | models.Q(expires_at__gt=clock.now())
        return self.filter(in_time, revoked_at=None)

    def of_secret(self, secret: str) -> "ApiKey | None":
        """The usable key with this secret, with its project."""
        found = self.usable().filter(digest=ApiKey.digest_of(secret))
        return found.select_related("project").first()


class ApiKey(ApiObject):
    """A key that programs send. Only its digest is kept; the secret is shown once, when it is made.

    A plain SHA-256 is enough, because the secret is 32 random bytes: there is nothing to guess.
    """

    noun = "API key"
    prefix = "key_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=256)
    author = OrderedJSON(default=dict)
    """Who has made it: what ``Actor.kept`` gives; empty for a command."""
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.ALL)
    day_tokens = models.BigIntegerField(null=True)
    """How many tokens the runs that it begins may use in a day; None for as many as they like."""
    month_tokens = models.BigIntegerField(null=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ApiKeyQuerySet)()

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.has_expired

    @property
    def maker(self) -> str:
        """The name of who has made it; empty for a command."""
        return str(self.author.get("name", ""))

    @property
    def maker_id(self) -> int | None:
        """The account of who has made it; None if that was a command."""
        return int(self.author["id"]) if self.author.get("kind") == "user" else None

    @staticmethod
    def new_secret() -> str:
        return "sk-" + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

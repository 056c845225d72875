"""A link by which people outside the project, or its members, read a thread."""

import hashlib
import secrets
from datetime import datetime

from django.contrib.auth.hashers import check_password
from django.db import models
from django.db.models import Q

from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project
from assistants.models.run import RunQuerySet
from assistants.models.thread import MessageQuerySet, Thread


class Audience(models.TextChoices):
    """Who may read: whoever has the link, members of the project, or people who are named (the
    members among them or not).
    """

    LINK = "link"
    PROJECT = "project"
    PEOPLE = "people"


class ShareQuerySet(ObjectQuerySet["Share"]):
    def of_token(self, token: str) -> "Share | None":
        """The link with this token, usable or not, with its thread and project.

        It is looked for by the token's digest, so how long the search takes tells nothing of any
        token; the comparison after it does not either.
        """
        digest = Share.digest_of(token)
        found = self.filter(digest=digest).select_related("thread", "project").first()
        return found if found and secrets.compare_digest(found.digest, digest) else None

    def usable(self) -> "ShareQuerySet":
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=clock.now()),
            revoked_at=None,
        )


class Share(ApiObject):
    """A share link. Of its token the digest is kept, to find it by, and the token itself sealed, so
    that who may share the thread can copy the link again.

    What it shows is read from the thread each time: what is deleted there is gone here too.
    """

    noun = "share link"
    prefix = "share_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="shares")
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="shares")
    author = OrderedJSON(default=dict)
    """Who shares it: what ``Actor.kept`` gives. The name is shown to readers."""
    digest = models.CharField(max_length=64, unique=True)
    sealed_token = models.TextField()
    audience = models.CharField(max_length=16, choices=Audience, default=Audience.LINK)
    people = OrderedJSON(default=list)
    """Accounts: ``{"id", "name"}``, with the name or e-mail address by which it was named."""
    until = models.DateTimeField(null=True)
    """The moment up to which the thread is shown; None for live."""
    title = models.CharField(max_length=512, default="", blank=True)
    """The thread's title at that moment."""
    shows_steps = models.BooleanField(default=True)
    shows_files = models.BooleanField(default=True)
    may_copy = models.BooleanField(default=False)
    password = models.CharField(max_length=256, default="", blank=True)
    """Hashed as Django hashes passwords; empty for none."""
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=clock.now)
    opened = models.PositiveIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ShareQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["project", "created_at"]),
            models.Index(fields=["thread", "created_at"]),
        ]

    @staticmethod
    def new_token() -> str:
        return secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    @property
    def is_live(self) -> bool:
        return self.until is None

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.has_expired

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def user_ids(self) -> set[int]:
        """The accounts that are named. A bare name, as they were kept once, lets nobody in."""
        return {one["id"] for one in self.people if isinstance(one, dict)}

    @property
    def names(self) -> list[str]:
        """What who shares it has called them."""
        return [one["name"] if isinstance(one, dict) else str(one) for one in self.people]

    @property
    def shown_title(self) -> str:
        return self.thread.title if self.is_live else self.title

    @property
    def sharer(self) -> str:
        """The name of who shares it."""
        return str(self.author.get("name", ""))

    @property
    def maker_id(self) -> int | None:
        """The account of who made it; None if that was a program."""
        return int(self.author["id"]) if self.author.get("kind") == "user" else None

    def messages(self) -> MessageQuerySet:
        """The messages that it shows: all, or those that were complete at its moment."""
        of_thread = self.thread.messages.all()
        return of_thread if self.until is None else of_thread.filter(_over_by(self.until))

    def runs(self) -> RunQuerySet:
        """The runs that it shows: all that stand, or those of them that were over at its moment."""
        of_thread = self.thread.runs.standing()
        return of_thread if self.until is None else of_thread.filter(ended_at__lte=self.until)

    def opens_with(self, password: str) -> bool:
        return not self.password or check_password(password, self.password)


def _over_by(moment: datetime) -> Q:
    return Q(completed_at__lte=moment) | Q(incomplete_at__lte=moment)

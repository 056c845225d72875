"""How people come in: invitations to a project, the link that a start prints, and who they are at
an identity provider.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import models

from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.project import Project, Role

INVITED_FOR: Final = timedelta(days=7)


def expiry() -> datetime:
    return clock.now() + INVITED_FOR


class InvitationQuerySet(ObjectQuerySet["Invitation"]):
    def pending(self) -> "InvitationQuerySet":
        """Those that still let somebody in."""
        unused = self.filter(accepted_at=None, revoked_at=None)
        return unused.filter(expires_at__gt=clock.now())


class Invitation(ApiObject):
    """Lets one person into a project, once. Only the digest of its secret is kept.

    As of an API key, the secret is 32 random bytes, so that a plain SHA-256 is enough.
    """

    noun = "invitation"
    prefix = "invite_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=150, blank=True)
    digest = models.CharField(max_length=64)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    expires_at = models.DateTimeField(default=expiry)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(InvitationQuerySet)()

    @staticmethod
    def new_secret() -> str:
        return secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    def has(self, secret: str) -> bool:
        """Whether this is its secret; looking takes as long for a wrong one."""
        return hmac.compare_digest(self.digest, self.digest_of(secret))

    @property
    def is_pending(self) -> bool:
        unused = self.accepted_at is None and self.revoked_at is None
        return unused and self.expires_at > clock.now()


class Identity(models.Model):
    """A person as an identity provider knows them. Its subject never changes hands; an e-mail
    address may.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_identity_each")
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class LoginToken(models.Model):
    """What the printed link signs the local owner in with, once. Only its digest is kept; as of an
    API key, a plain SHA-256 of 32 random bytes is enough.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.digest[:8]

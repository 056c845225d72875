"""Accounts of people: making one, naming it, its password, the token of the printed link, and who
an identity provider says that somebody is.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from assistants import acting, doorbell, refusals
from assistants.models import Identity, Invitation, LoginToken, Membership, Project, Role, clock
from assistants.operations import audit, members, projects

LOCAL_OWNER: Final = "owner"
MAX_USERNAME: Final = 150


@transaction.atomic
def local_owner() -> User:
    """Whom the printed link signs in: an owner of the default project, without a password until
    they set one.
    """
    user, made = User.objects.get_or_create(username=LOCAL_OWNER)
    if made:
        user.set_unusable_password()
        user.save()
    projects.add_member(projects.ensure_default_project(), user.pk, Role.OWNER)
    return user


@transaction.atomic
def issue_login_token() -> str:
    """A token that signs the local owner in once, within LOGIN_LINK_HOURS, on any web server.
    The one before is void.
    """
    token = secrets.token_urlsafe(32)
    void_login_tokens()
    LoginToken.objects.create(digest=_digest(token))
    return token


def void_login_tokens() -> None:
    """No printed link is good any more."""
    LoginToken.objects.all().delete()


def use_login_token(token: str) -> bool:
    """Whether it was good. It is used up by this: of many who try at once one deletes the row."""
    oldest = clock.now() - timedelta(hours=settings.LOGIN_LINK_HOURS)
    good = LoginToken.objects.filter(digest=_digest(token), created_at__gt=oldest)
    deleted, _ = good.delete()
    return deleted == 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def ensure_owner(username: str, password: str | None) -> User:
    """An owner of the default project of this name; one who is known keeps their password unless
    another is given.
    """
    user, made = User.objects.get_or_create(username=username)
    if password is not None:
        user.set_password(password)
    elif made:
        user.set_unusable_password()
    came_back, user.is_active = not user.is_active, True
    user.save()
    project = projects.ensure_default_project()
    known = Membership.objects.filter(project=project, user=user).first()
    if known is None:
        projects.add_member(project, user.pk, Role.OWNER)
        audit.note("member.joined", project, f"user_{user.pk}", username, role=Role.OWNER)
    elif known.role != Role.OWNER:
        members.change_role(known, Role.OWNER)
    if came_back:
        audit.note_everywhere("person.reactivated", user.pk)
    if password is not None:
        audit.note_everywhere("person.password_changed", user.pk)
    return user


@transaction.atomic
def join(invitation: Invitation, username: str, password: str, name: str) -> User:
    """Make an account for who was invited, and let them in.

    :param password: one that the validators have passed
    :raises Invalid: the invitation lets nobody in any more, or somebody has the user name; no
        account is left behind
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(username, invitation.email, password, first_name=name)
    except IntegrityError:
        # The form has looked, but somebody else came in by it at this moment.
        raise refusals.USERNAME_TAKEN() from None
    acting.become(acting.Actor("user", str(user.pk), name or username))
    members.accept(invitation, user.pk)
    return user


@transaction.atomic
def change_name(user: User, name: str) -> None:
    """What others see of the person; empty for the name that they sign in with."""
    before = user.get_full_name()
    user.first_name, user.last_name = name, ""
    user.save(update_fields=["first_name", "last_name"])
    if name != before:
        audit.note_everywhere("person.renamed", user.pk, before=before, after=name)


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """
    :param password: one that the validators have passed
    """
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.note_everywhere("person.password_changed", user.pk)


def note_sign_in(user: User, way: str) -> None:
    """Write down that the person has come in, in the projects that they are a member of.

    :param way: ``password``, ``link``, ``invitation`` or ``provider``
    """
    acting.become(acting.Actor("user", str(user.pk), user.get_full_name() or user.username))
    with transaction.atomic():
        audit.note_everywhere("person.signed_in", user.pk, way=way)


def tell_refused(username: str, way: str, address: str) -> None:
    """Have written down that a guest was refused. A worker looks who has the name: the answer must
    take as long for a name that nobody has.

    :param way: ``password`` or ``link``
    """
    doorbell.ring(doorbell.NOTE_REFUSED, username[: MAX_USERNAME + 1], way, address)


def note_refused(username: str, way: str, address: str) -> None:
    """Write down, where the person is a member, that somebody was refused who may be them or not.
    Of names that nobody has, nothing is kept.

    :param way: ``password``, ``link``, or ``account`` for the old password on the account page
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        return
    if acting.current() == acting.SERVICE:
        acting.become(acting.GUEST)
    with transaction.atomic():
        audit.note_everywhere("person.refused", user.pk, way=way, address=address)


def note_sign_out_everywhere(user: User) -> None:
    """Write down that all of the person's sessions were ended."""
    with transaction.atomic():
        audit.note_everywhere("person.signed_out_everywhere", user.pk)


def identified(issuer: str, subject: str, *, email: str, verified: bool, name: str) -> User:
    """Whoever the identity provider has let in. Somebody new needs an invitation of their address,
    unless OIDC_PROJECT takes in all whom the provider lets in. Invitations that came since are
    accepted too.

    :param verified: whether the provider says that the address is theirs
    :raises Invalid: nobody has invited them, or they cannot be told from others
    """
    try:
        return _identified(issuer, subject, email, verified, name)
    except IntegrityError:
        # They have come in twice at this moment, or somebody else has got the user name.
        return _identified(issuer, subject, email, verified, name)


@transaction.atomic
def _identified(issuer: str, subject: str, email: str, verified: bool, name: str) -> User:
    known = Identity.objects.filter(issuer=issuer, subject=subject).select_related("user").first()
    user = known.user if known else None
    found = Invitation.objects.pending().filter(email__iexact=email) if email and verified else None
    invited = list(found.select_related("project")) if found is not None else []
    if user is None:
        project = Project.objects.present().filter(pk=settings.OIDC_PROJECT).first()
        if not invited and project is None:
            raise refusals.NOT_INVITED(email=email) if verified else refusals.EMAIL_UNPROVEN()
        user = User.objects.create_user(
            _free_username((email.partition("@")[0] if verified else name) or "person"),
            email if verified else "",
            first_name=name[:MAX_USERNAME],
        )
        Identity.objects.create(user=user, issuer=issuer, subject=subject)
        if project is not None:
            projects.add_member(project, user.pk, Role(settings.OIDC_ROLE))
    acting.become(acting.Actor("user", str(user.pk), user.get_full_name() or user.username))
    for invitation in invited:
        members.accept(invitation, user.pk, again=True)
    return user


def _free_username(wanted: str) -> str:
    """A name to sign in with that nobody has. None is an address: that would look proven."""
    allowed = "".join(char for char in wanted if char.isalnum() or char in ".+-_")
    base = allowed[: MAX_USERNAME - 8] or "person"
    name, number = base, 1
    while User.objects.filter(username=name).exists():
        number += 1
        name = f"{base}-{number}"
    return name

"""Who is in a project: invitations, roles, leaving.

Whoever may do less from now on is found out at once where they have a thread open: their streams
are asked again (``signals.members_of``).
"""

from django.db import transaction

from assistants import acting, refusals
from assistants.events import signals
from assistants.models import Invitation, Membership, Project, Role, clock
from assistants.operations import audit, projects, shares


@transaction.atomic
def invite(
    project: Project, role: Role, *, email: str = "", name: str = ""
) -> tuple[Invitation, str]:
    """A new invitation and its secret, which is shown this once and never again."""
    secret = Invitation.new_secret()
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        email=email.strip(),
        name=name.strip(),
        digest=Invitation.digest_of(secret),
        invited_by_id=acting.current().user_id,
    )
    audit.note("invitation.created", project, invitation, name or email, role=role)
    return invitation, secret


@transaction.atomic
def revoke(invitation: Invitation) -> None:
    """From now on the invitation lets nobody in; whoever has come in stays."""
    if Invitation.objects.pending().filter(pk=invitation.pk).update(revoked_at=clock.now()):
        name = invitation.name or invitation.email
        audit.note("invitation.revoked", invitation.project_id, invitation, name)


@transaction.atomic
def accept(invitation: Invitation, user_id: int, *, again: bool = False) -> Membership:
    """The user becomes a member, and the invitation is used up: of many who try at once, one.

    :param again: whether one who is a member already uses it too, and gets its role if that is the
        higher one
    :raises Invalid: it lets nobody in any more, or they are a member already
    """
    project = invitation.project
    member = Membership.objects.filter(project=project, user_id=user_id).first()
    if member is not None and not again:
        raise refusals.MEMBER_ALREADY(project=project.name)
    used = Invitation.objects.pending().filter(pk=invitation.pk)
    if not used.update(accepted_at=clock.now(), accepted_by_id=user_id):
        raise refusals.INVITATION_OVER()
    role = Role(invitation.role)
    if member is None:
        member = Membership.objects.create(project=project, user_id=user_id, role=role)
        _note("member.joined", member, role=role, invitation=invitation.id)
    elif not member.may(role):
        change_role(member, role)
    return member


@transaction.atomic
def change_role(member: Membership, role: Role) -> None:
    """Have a member do more, or less. Whoever owns the project no more keeps no way in that only
    owners may make: their invitations and API keys go.

    :raises Invalid: they are the only owner
    """
    if role is not Role.OWNER:
        _check_not_last(member)
    before, member.role = member.role, role
    Membership.objects.filter(pk=member.pk).update(role=role)
    if role is not Role.OWNER:
        _take_back_invitations(member)
        projects.revoke_keys_by(member.project_id, member.user_id)
    signals.ring(signals.members_of(member.project_id))
    _note("member.changed", member, role=role, before=before)


@transaction.atomic
def remove(member: Membership) -> None:
    """From now on they see nothing of the project; what they have made stays, but for what would
    let them in: invitations, share links and API keys.

    :raises Invalid: they are the only owner
    """
    _check_not_last(member)
    Membership.objects.filter(pk=member.pk).delete()
    _take_back_invitations(member)
    shares.revoke_by(member.project_id, member.user_id)
    projects.revoke_keys_by(member.project_id, member.user_id)
    signals.ring(signals.members_of(member.project_id))
    left = acting.current().user_id == member.user_id
    _note("member.left" if left else "member.removed", member, role=member.role)


def ask_again(user_id: int) -> None:
    """The person has signed out somewhere: streams that they read are asked whether they still may
    be read.
    """
    for member in Membership.objects.filter(user=user_id):
        signals.ring(signals.members_of(member.project_id))


def _take_back_invitations(member: Membership) -> None:
    """Whoever owns the project no more comes back by no invitation that they have made."""
    made = Invitation.objects.pending().filter(project=member.project_id)
    for invitation in made.filter(invited_by=member.user_id):
        revoke(invitation)


def _note(action: str, member: Membership, **details: str) -> None:
    name = member.user.get_username()
    audit.note(action, member.project_id, f"user_{member.user_id}", name, **details)


def _check_not_last(member: Membership) -> None:
    """Holds all owners of the project, so that two of them cannot both go at once.

    :raises Invalid: the project would be left without an owner who can sign in
    """
    owners = Membership.objects.filter(project=member.project_id, role=Role.OWNER)
    held = list(owners.select_for_update(of=("self",)).select_related("user").order_by("pk"))
    if not any(one.pk == member.pk for one in held):
        return
    if not any(one.pk != member.pk and one.user.is_active for one in held):
        user = member.user
        name = user.get_full_name() or user.get_username()
        raise refusals.LAST_OWNER(name=name, project=member.project.name)

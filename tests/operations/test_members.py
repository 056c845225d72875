"""Invitations and owners when several people act at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from assistants import acting
from assistants.errors import Invalid
from assistants.models import Invitation, Membership, Role
from assistants.operations import members, projects
from tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)


def users(count: int) -> list[User]:
    return [User.objects.create(username=f"user{number}") for number in range(count)]


def test_of_many_who_use_an_invitation_at_once_one_comes_in() -> None:
    invitation, _secret = members.invite(make_project(), Role.EDITOR)
    people = users(6)

    def accept(user: User) -> str:
        try:
            members.accept(Invitation.objects.get(pk=invitation.pk), user.pk)
        except Invalid as problem:
            return problem.message
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(accept, people))
    assert said.count("") == 1
    assert said.count("This invitation has been used or taken back, or it has expired.") == 5
    assert Membership.objects.count() == 1


def test_two_owners_who_leave_at_once_do_not_leave_the_project_without_one() -> None:
    project = make_project()
    owners = [projects.add_member(project, user.pk, Role.OWNER) for user in users(2)]

    def leave(member: Membership) -> bool:
        try:
            members.remove(member)
        except Invalid:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, owners)) == [False, True]
    assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_an_invitation_raises_a_role_and_never_lowers_it() -> None:
    project = make_project()
    (user,) = users(1)
    projects.add_member(project, user.pk, Role.VIEWER)
    for role, now in ((Role.EDITOR, Role.EDITOR), (Role.VIEWER, Role.EDITOR)):
        invitation, _secret = members.invite(project, role)
        members.accept(invitation, user.pk, again=True)
        assert Membership.objects.get().role == now


@pytest.mark.parametrize("way", ["removed", "made a viewer"])
def test_who_owns_a_project_no_more_comes_back_by_no_invitation_of_theirs(way: str) -> None:
    project = make_project()
    first, second = (projects.add_member(project, user.pk, Role.OWNER) for user in users(2))
    with acting.acting(acting.Actor("user", str(second.user_id), "Second")):
        mine, _secret = members.invite(project, Role.OWNER)
    with acting.acting(acting.Actor("user", str(first.user_id), "First")):
        other, _secret = members.invite(project, Role.OWNER)
        if way == "removed":
            members.remove(second)
        else:
            members.change_role(second, Role.VIEWER)
    assert list(Invitation.objects.pending()) == [other]
    with pytest.raises(Invalid):
        members.accept(Invitation.objects.get(pk=mine.pk), second.user_id)

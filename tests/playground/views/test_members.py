"""Inviting, coming in, roles: who may do what to whom."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from assistants import acting
from assistants.errors import Invalid
from assistants.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Project,
    Role,
    Share,
    Thread,
)
from assistants.operations import members, people, shares
from assistants.operations.people import local_owner as owner
from tests.factories import make_project
from tests.playground.conftest import HTMX

PASSWORD = "correct horse battery"
ACCOUNT = {"username": "mei", "password1": PASSWORD, "password2": PASSWORD, "name": "Mei Lin"}


def client_of(project: Project, role: Role, name: str) -> Client:
    user, _ = User.objects.get_or_create(username=name)
    Membership.objects.create(project=project, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def invited(page: Client, project: Project, **given: str) -> str:
    """The path that an invitation's link has."""
    answer = page.post(reverse("invite", args=[project.id]), {"role": "editor", **given})
    assert answer.status_code == 200
    found = re.search(r'id="invitation-link">http://testserver(/join/[^<]+)<', answer.text)
    assert found
    return found[1]


def test_an_invitation_is_a_link_and_a_letter_shown_once(page: Client, project: Project) -> None:
    page.post("/account", {"name": "Ada"})
    address = reverse("invite", args=[project.id])
    answer = page.post(address, {"role": "editor", "name": "Mei", "email": "mei@example.com"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Hello Mei," in answer.text
    assert f"Ada invites you to the project “{project.name}”" in answer.text
    secret = answer.context["link"].rsplit("/", 1)[1]
    again = page.get(reverse("project", args=[project.id])).text
    assert "mei@example.com" in again
    assert secret not in again
    assert secret not in repr(Invitation.objects.values().get())


def test_who_is_signed_out_makes_an_account_and_is_in(page: Client, project: Project) -> None:
    link = invited(page, project)
    mei = Client()
    assert "You are invited to" in mei.get(link).text
    assert mei.post(link, ACCOUNT).headers["Location"] == "/threads"
    assert mei.get("/threads").context["member"].role == Role.EDITOR
    assert User.objects.get(username="mei").get_full_name() == "Mei Lin"
    given = {"username": "mei", "password": PASSWORD}
    assert Client().post("/login", given).status_code == 302


def test_of_two_who_choose_one_name_the_second_is_refused(project: Project) -> None:
    User.objects.create_user("mei")
    invitation, _ = members.invite(project, Role.EDITOR)
    with pytest.raises(Invalid, match="Somebody has this user name already"):
        people.join(invitation, "mei", PASSWORD, "")
    invitation.refresh_from_db()
    assert invitation.is_pending


def test_a_user_name_is_no_address(page: Client, project: Project) -> None:
    link = invited(page, project)
    answer = Client().post(link, {**ACCOUNT, "username": "alice@example.org"})
    assert answer.status_code == 422
    assert "cannot contain “@”" in answer.text
    assert not User.objects.filter(username__contains="@").exists()


def test_who_is_signed_in_joins_with_the_account_that_they_have(
    page: Client, project: Project, stranger: Client
) -> None:
    link = invited(page, project, role="viewer")
    assert "You are signed in as stranger." in stranger.get(link).text
    assert stranger.post(link).status_code == 302
    joined = Membership.objects.get(user__username="stranger", project=project)
    assert joined.role == Role.VIEWER
    assert stranger.get("/threads").context["member"].project == project


def test_an_invitation_lets_one_person_in(page: Client, project: Project, stranger: Client) -> None:
    link = invited(page, project)
    assert Client().post(link, ACCOUNT).status_code == 302
    assert stranger.get(link).status_code == 410
    assert stranger.post(link).status_code == 410
    assert not Membership.objects.filter(project=project, user__username="stranger").exists()


def test_looking_and_a_form_that_is_wrong_use_nothing_up(page: Client, project: Project) -> None:
    link = invited(page, project)
    mei = Client()
    mei.get(link)
    answer = mei.post(link, {**ACCOUNT, "password2": "other"})
    assert answer.status_code == 422
    assert not User.objects.filter(username="mei").exists()
    taken = mei.post(link, {**ACCOUNT, "username": "Owner"})
    assert taken.status_code == 422
    assert mei.post(link, ACCOUNT).status_code == 302


def test_who_is_a_member_already_does_not_use_it_up(page: Client, project: Project) -> None:
    link = invited(page, project, role="viewer")
    answer = page.post(link)
    assert answer.status_code == 422
    assert f"You are a member of “{project.name}” already." in answer.text
    assert Membership.objects.get(user=owner(), project=project).role == Role.OWNER
    assert Client().post(link, ACCOUNT).status_code == 302


def test_an_invitation_that_was_taken_back_or_is_old_lets_nobody_in(
    page: Client, project: Project
) -> None:
    revoked, old = invited(page, project), invited(page, project)
    row = Invitation.objects.get(pk=revoked.split("/")[2])
    page.post(reverse("invitation-revoke", args=[project.id, row.id]))
    Invitation.objects.filter(pk=old.split("/")[2]).update(
        expires_at=row.created_at - timedelta(seconds=1)
    )
    for link in (revoked, old):
        assert Client().get(link).status_code == 410
        assert Client().post(link, ACCOUNT).status_code == 410
    assert not User.objects.filter(username="mei").exists()


def test_it_lasts_for_seven_days(project: Project) -> None:
    made, _ = members.invite(project, Role.VIEWER)
    lasts = made.expires_at - made.created_at
    assert abs(lasts - timedelta(days=7)) < timedelta(seconds=5)


def test_a_guess_is_told_nothing(page: Client, project: Project) -> None:
    link = invited(page, project)
    known = Client().get(link[:-4] + "AAAA")
    unknown = Client().get("/join/invite_000000000000000000000000/" + link.split("/")[3])
    assert (known.status_code, unknown.status_code) == (404, 404)
    assert project.name not in known.text


def test_only_owners_invite_change_roles_and_remove(page: Client, project: Project) -> None:
    editor, viewer = (
        client_of(project, Role.EDITOR, "editor"),
        client_of(project, Role.VIEWER, "viewer"),
    )
    row, _ = members.invite(project, Role.EDITOR)
    me = owner().pk
    for client in (editor, viewer):
        posts: list[tuple[str, list[object], dict[str, str]]] = [
            ("invite", [project.id], {"role": "owner"}),
            ("invitation-revoke", [project.id, row.id], {}),
            ("member-role", [project.id, me], {"role": "viewer"}),
            ("member-remove", [project.id, me], {}),
            ("project", [project.id], {"name": "Mine"}),
            ("project-delete", [project.id], {"name": project.name}),
        ]
        for name, args, given in posts:
            assert client.post(reverse(name, args=args), given).status_code == 403, name
        shown = client.get(reverse("project", args=[project.id]))
        assert "Invite" not in shown.text.split("<main", 1)[1]
    assert Invitation.objects.pending().count() == 1


def test_an_owner_changes_roles_and_removes(page: Client, project: Project) -> None:
    editor = client_of(project, Role.EDITOR, "editor")
    user = User.objects.get(username="editor")
    page.post(reverse("member-role", args=[project.id, user.pk]), {"role": "viewer"})
    assert editor.get("/threads").context["member"].role == Role.VIEWER
    page.post(reverse("member-role", args=[project.id, user.pk]), {"role": "emperor"})
    assert editor.get("/threads").context["member"].role == Role.VIEWER
    page.post(reverse("member-remove", args=[project.id, user.pk]))
    assert editor.get("/threads").status_code == 404


def test_the_last_owner_stays_one(page: Client, project: Project) -> None:
    me = owner().pk
    for name, args, given in (
        ("member-role", [project.id, me], {"role": "editor"}),
        ("member-remove", [project.id, me], {}),
        ("project-leave", [project.id], {}),
    ):
        answer = page.post(reverse(name, args=args), given, follow=True)
        said = f" is the only owner of “{project.name}”. Make somebody else an owner first."
        assert said in answer.text, name
    assert Membership.objects.get(user=me, project=project).role == Role.OWNER


def test_an_owner_who_cannot_sign_in_does_not_count(page: Client, project: Project) -> None:
    client_of(project, Role.OWNER, "gone")
    User.objects.filter(username="gone").update(is_active=False)
    answer = page.post(reverse("project-leave", args=[project.id]), follow=True)
    assert "is the only owner of" in answer.text


def link_by(user: User, thread: Thread) -> Share:
    with acting.acting(acting.Actor("user", str(user.pk), user.username)):
        return shares.create(thread, shares.Options())[0]


@pytest.mark.parametrize("leaves", [True, False])
def test_the_links_of_who_goes_go_too_and_all_are_told_before(
    page: Client, project: Project, thread: Thread, leaves: bool
) -> None:
    mei = client_of(project, Role.EDITOR, "mei")
    user = User.objects.get(username="mei")
    link, other = link_by(user, thread), link_by(owner(), thread)
    address = reverse("member-remove", args=[project.id, user.pk])
    who, address = (mei, reverse("project-leave", args=[project.id])) if leaves else (page, address)
    assert "1 share link by mei is revoked with that." in who.get(address).text
    who.post(address)
    assert not Share.objects.get(pk=link.pk).is_usable
    assert Share.objects.get(pk=other.pk).is_usable
    listed = page.get("/shares").text
    assert listed.count("who is no member any more") == 1
    assert "by mei, who is no member any more" in listed


def key_by(browser: Client, name: str) -> str:
    """The secret of a key made on the settings page."""
    return str(browser.post("/settings/keys", {"name": name}).context["secret"])


def opens(secret: str) -> bool:
    return ApiKey.objects.of_secret(secret) is not None


@pytest.mark.parametrize("way", ["is removed", "leaves", "becomes an editor"])
def test_the_keys_of_who_is_no_owner_any_more_open_nothing(
    page: Client, project: Project, way: str
) -> None:
    mei = client_of(project, Role.OWNER, "mei")
    user = User.objects.get(username="mei")
    hers, other = key_by(mei, "Hers"), key_by(page, "Other")
    assert (opens(hers), opens(other)) == (True, True)
    assert "<td><bdi>mei</bdi></td>" in page.get("/settings").text
    told = "1 API key by mei is revoked with that."
    if way == "becomes an editor":
        told = "1 API key by mei was revoked with that."
        address = reverse("member-role", args=[project.id, user.pk])
        said = page.post(address, {"role": "editor"}, follow=True).text
    elif way == "leaves":
        said = mei.get(address := reverse("project-leave", args=[project.id])).text
        mei.post(address)
    else:
        said = page.get(address := reverse("member-remove", args=[project.id, user.pk])).text
        page.post(address)
    assert told in said
    assert (opens(hers), opens(other)) == (False, True)
    entry = AuditEntry.objects.get(action="key.revoked")
    assert entry.object_id == ApiKey.objects.get(name="Hers").id


def test_who_may_only_look_from_now_on_keeps_links_that_others_see(
    page: Client, project: Project, thread: Thread
) -> None:
    client_of(project, Role.EDITOR, "mei")
    user = User.objects.get(username="mei")
    link = link_by(user, thread)
    page.post(reverse("member-role", args=[project.id, user.pk]), {"role": "viewer"})
    assert Share.objects.get(pk=link.pk).is_usable


def test_a_viewer_leaves(page: Client, project: Project) -> None:
    viewer = client_of(project, Role.VIEWER, "viewer")
    leave = reverse("project-leave", args=[project.id])
    assert "Leave" in viewer.get(leave, headers=HTMX).text
    viewer.post(leave)
    answer = viewer.get("/threads")
    assert answer.status_code == 404
    assert "You are in no project yet" in answer.text
    assert viewer.get("/account").status_code == 200


def test_members_of_another_project_are_out_of_reach(page: Client, project: Project) -> None:
    other = make_project("Other")
    client_of(other, Role.EDITOR, "theirs")
    row, _ = members.invite(other, Role.EDITOR)
    user = User.objects.get(username="theirs")
    for name, args in (
        ("member-remove", [project.id, user.pk]),
        ("member-role", [project.id, user.pk]),
        ("invitation-revoke", [project.id, row.id]),
        ("member-remove", [other.id, user.pk]),
        ("invite", [other.id]),
    ):
        assert page.post(reverse(name, args=args), {"role": "viewer"}).status_code == 404, name
    assert Invitation.objects.pending().count() == 1


def test_every_form_of_members_needs_the_token_of_its_browser(project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner())
    row, secret = members.invite(project, Role.EDITOR)
    for name, args in (
        ("invite", [project.id]),
        ("project", [project.id]),
        ("project-delete", [project.id]),
        ("project-leave", [project.id]),
        ("invitation-revoke", [project.id, row.id]),
        ("member-role", [project.id, owner().pk]),
        ("member-remove", [project.id, owner().pk]),
        ("join", [row.id, secret]),
        ("project-new", []),
        ("project-choose", []),
    ):
        assert client.post(reverse(name, args=args)).status_code == 403, name

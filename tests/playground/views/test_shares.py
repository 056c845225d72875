"""Share links as those see them who share."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from assistants.models import (
    Assistant,
    Audience,
    Identity,
    Membership,
    Project,
    Role,
    Share,
    Thread,
)
from assistants.operations import shares
from assistants.operations.shares import Options
from tests.factories import make_project, make_thread
from tests.playground.conftest import HTMX

pytestmark = pytest.mark.django_db

DEFAULTS = {
    "audience": "link",
    "shows": "now",
    "expires": "week",
    "shows_steps": "on",
    "shows_files": "on",
}


def client_of(project: Project, role: Role) -> Client:
    user = User.objects.create_user(f"a {role}")
    Membership.objects.create(project=project, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def test_two_clicks_make_a_link_that_can_be_copied(
    page: Client, thread: Thread, assistant: Assistant
) -> None:
    assert f'hx-get="/threads/{thread.id}/shares"' in page.get(f"/threads/{thread.id}").text
    dialog = page.get(f"/threads/{thread.id}/shares", headers=HTMX).text
    # What the form has as it is opened is what is sent.
    chosen = dict(re.findall(r'<select[^>]*name="(\w+)">\s*<option value="(\w+)" selected', dialog))
    assert chosen == {"audience": "link"}
    made = page.post(f"/threads/{thread.id}/shares", DEFAULTS, headers=HTMX).text
    share = Share.objects.get()
    address = f"http://testserver/s/{shares.token_of(share)}"
    assert f'data-copy="{address}"' in made
    assert share.author["name"] == "owner"
    assert share.expires_at
    left = share.expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    # It can be copied again.
    assert address in page.get(f"/threads/{thread.id}/shares").text


def test_it_works_without_scripts(page: Client, thread: Thread) -> None:
    led = page.post(f"/threads/{thread.id}/shares", DEFAULTS)
    assert led["Location"] == f"/threads/{thread.id}/shares"
    share = Share.objects.get()
    led = page.post(f"/shares/{share.id}/revoke")
    assert led["Location"] == f"/threads/{thread.id}/shares"
    assert page.get(f"/s/{shares.token_of(share)}").status_code == 410


def test_every_choice_is_kept(page: Client, thread: Thread) -> None:
    mei, jun = User.objects.create_user("mei"), User.objects.create_user("jun", "jun@example.org")
    Identity.objects.create(user=jun, issuer="https://id.example.org", subject="1")
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    page.post(
        f"/threads/{thread.id}/shares",
        {
            "audience": "people",
            "people": "Mei, jun@example.org",
            "shows": "live",
            "expires": "date",
            "date": day,
            "may_copy": "on",
            "password": " swordfish ",
        },
    )
    share = Share.objects.get()
    assert share.audience == Audience.PEOPLE
    assert share.user_ids == {mei.pk, jun.pk}
    assert share.names == ["Mei", "jun@example.org"]
    assert share.is_live
    assert share.may_copy
    assert not share.shows_steps
    assert not share.shows_files
    assert share.opens_with(" swordfish ")
    assert share.expires_at
    assert timedelta(days=3) < share.expires_at - timezone.now() <= timedelta(days=4)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"audience": "people"}, "Name at least one account"),
        ({"audience": "people", "people": "owner, nobody"}, "There is no account named “nobody”"),
        ({"expires": "date"}, "Choose a day that is to come"),
        ({"expires": "date", "date": "2020-01-01"}, "Choose a day that is to come"),
        ({"audience": "everybody"}, "everybody"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    page: Client, thread: Thread, wrong: dict[str, str], said: str
) -> None:
    answer = page.post(f"/threads/{thread.id}/shares", {**DEFAULTS, **wrong}, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text or "field__error" in answer.text
    assert not Share.objects.exists()


def test_a_link_is_changed_under_the_same_address(page: Client, thread: Thread) -> None:
    share, token = shares.create(thread, Options(password="swordfish"))
    moment = share.until
    form = page.get(f"/shares/{share.id}", headers=HTMX).text
    assert "swordfish" not in form
    changed = {**DEFAULTS, "shows": "keep", "expires": "never", "audience": "project"}
    assert page.post(f"/shares/{share.id}", changed, headers=HTMX).status_code == 200
    share.refresh_from_db()
    assert share.audience == Audience.PROJECT
    assert share.until == moment
    assert share.expires_at is None
    assert share.opens_with("swordfish")
    assert shares.token_of(share) == token
    page.post(f"/shares/{share.id}", {**changed, "no_password": "on", "shows": "live"})
    share.refresh_from_db()
    assert share.is_live
    assert not share.password


def test_all_links_are_listed_and_revoked_at_once(
    page: Client, project: Project, thread: Thread
) -> None:
    assert "Nothing is shared" in page.get("/shares").text
    kept = [shares.create(make_thread(project, f"Thread {n}"), Options())[0] for n in range(3)]
    elsewhere, _ = shares.create(make_thread(make_project("Elsewhere"), "Theirs"), Options())
    shares.note_opened(kept[0])
    html = page.get("/shares").text
    assert all(share.id in html for share in kept)
    assert elsewhere.id not in html
    assert "opened 1 time" in html
    page.post(f"/shares/{kept[0].id}/revoke", {"from": "list"})
    assert "Revoked" in page.get("/shares").text
    assert page.post("/shares/revoke", follow=True).status_code == 200
    assert not Share.objects.filter(project=project).usable().exists()
    assert Share.objects.filter(pk=elsewhere.pk).usable().exists()


def test_editors_share_and_viewers_and_strangers_do_not(
    project: Project, thread: Thread, stranger: Client
) -> None:
    share, _ = shares.create(thread, Options())
    viewer, editor = client_of(project, Role.VIEWER), client_of(project, Role.EDITOR)
    for address in (f"/threads/{thread.id}/shares", f"/shares/{share.id}"):
        assert editor.get(address).status_code == 200
        assert viewer.get(address).status_code == 403
        assert stranger.get(address).status_code == 404
        assert Client().get(address).status_code == 302
    assert viewer.get("/shares").status_code == 403
    assert share.id not in client_of(make_project("Other"), Role.OWNER).get("/shares").text
    assert viewer.post(f"/shares/{share.id}/revoke").status_code == 403
    assert stranger.post(f"/shares/{share.id}/revoke").status_code == 404
    share.refresh_from_db()
    assert share.is_usable


def test_a_token_under_another_key_is_told_to_be_lost(
    page: Client, thread: Thread, settings: object
) -> None:
    shares.create(thread, Options())
    settings.SHARED = None  # type: ignore[attr-defined]
    Share.objects.update(sealed_token="gAAAAA")
    html = page.get("/shares").text
    assert "Its address cannot be read" in html


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_a_link_that_is_over_is_not_changed_and_so_never_opens_again(
    page: Client, thread: Thread, ended: str
) -> None:
    share, token = shares.create(thread, Options())
    Share.objects.update(**{ended: timezone.now() - timedelta(minutes=1)})
    answer = page.post(f"/shares/{share.id}", {**DEFAULTS, "shows": "live", "expires": "never"})
    assert answer.status_code == 422
    assert "This link opens nothing any more, and cannot be changed." in answer.text
    assert Client().get(f"/s/{token}").status_code == 410
    assert not Share.objects.get().is_live

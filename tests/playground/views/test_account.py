"""A person's own account: signing in with a password, changing it, where they are signed in."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from qsessions.models import Session

from assistants.models import AuditEntry, Project
from assistants.operations import people
from assistants.operations.people import local_owner as owner

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def mei(project: Project) -> User:
    return people.ensure_owner("mei", PASSWORD)


def signed_in(username: str = "mei", **headers: str) -> Client:
    client = Client(headers=headers)
    given = {"username": username, "password": PASSWORD}
    assert client.post("/login", given).status_code == 302
    return client


def test_a_password_signs_in_and_leads_where_the_person_wanted_to_go(mei: User) -> None:
    given = {"username": "mei", "password": PASSWORD, "next": "/threads?q=a"}
    assert Client().post("/login", given).headers["Location"] == "/threads?q=a"
    away = Client().post("/login", {**given, "next": "https://evil.example/"})
    assert away.headers["Location"] == "/"


@pytest.mark.parametrize("username, password", [("mei", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    mei: User, username: str, password: str
) -> None:
    answer = Client().post("/login", {"username": username, "password": password})
    assert answer.status_code == 403
    assert "The name or the password is wrong" in answer.text


def test_an_account_that_was_switched_off_does_not_come_in(mei: User) -> None:
    User.objects.filter(pk=mei.pk).update(is_active=False)
    answer = Client().post("/login", {"username": "mei", "password": PASSWORD})
    assert answer.status_code == 403


def test_signing_in_changes_the_session_so_that_one_planted_before_is_worth_nothing(
    mei: User,
) -> None:
    client = Client()
    client.get("/login")
    session = client.session
    session["planted"] = True
    session.save()
    before = str(session.session_key)
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    client.post("/login", {"username": "mei", "password": PASSWORD})
    after = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert after != before
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert thief.get("/account").status_code == 302


def test_every_form_of_an_account_needs_the_token_of_its_browser(mei: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", {"username": "mei", "password": PASSWORD}).status_code == 403
    client.force_login(mei)
    for address in ("", "/password", "/sessions/end", "/sessions/end-all"):
        assert client.post(f"/account{address}", {"name": "x"}).status_code == 403, address
    assert client.get("/account").status_code == 200


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(mei: User) -> None:
    cookie = signed_in().cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_the_local_owner_sets_a_first_password_and_comes_in_with_it(page: Client) -> None:
    assert "Set a password" in page.get("/account").text
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert page.post("/account/password", new).headers["Location"] == "/account"
    assert "Change your password" in page.get("/account").text
    signed_in("owner")


def test_a_password_that_is_easy_to_guess_is_refused(page: Client) -> None:
    weak = {"new_password1": "password", "new_password2": "password"}
    answer = page.post("/account/password", weak)
    assert answer.status_code == 422
    assert "too common" in answer.text
    assert not owner().has_usable_password()


def test_another_password_takes_the_old_one_and_signs_out_all_other_browsers(mei: User) -> None:
    here, elsewhere = signed_in(), signed_in()
    new = {"new_password1": "another long secret", "new_password2": "another long secret"}
    assert here.post("/account/password", {**new, "old_password": "wrong"}).status_code == 422
    assert here.post("/account/password", {**new, "old_password": PASSWORD}).status_code == 302
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_the_account_lists_browsers_and_signs_out_of_one(mei: User) -> None:
    here, elsewhere = signed_in(), signed_in(**{"User-Agent": FIREFOX})
    shown = here.get("/account")
    assert "Firefox on Linux" in shown.text
    first, second = shown.context["sessions"]
    assert first.is_this
    assert not second.is_this
    here.post("/account/sessions/end", {"session": second.id})
    assert elsewhere.get("/account").status_code == 302
    assert here.get("/account").status_code == 200


def test_nobody_signs_others_out(mei: User) -> None:
    people.ensure_owner("jan", PASSWORD)
    theirs, mine = signed_in("jan"), signed_in()
    (row,) = theirs.get("/account").context["sessions"]
    mine.post("/account/sessions/end", {"session": row.id})
    mine.post("/account/sessions/end-all")
    assert theirs.get("/account").status_code == 200


def test_signing_out_everywhere_is_here_too(mei: User) -> None:
    here, elsewhere = signed_in(), signed_in()
    assert here.post("/account/sessions/end-all").headers["Location"] == "/login"
    for client in (here, elsewhere):
        assert client.get("/account").status_code == 302
    assert not Session.objects.filter(user=mei).exists()


def test_what_the_page_says_of_a_session_does_not_open_it(mei: User) -> None:
    client = signed_in()
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert key not in client.get("/account").text


def test_a_name_is_what_others_see(page: Client) -> None:
    page.post("/account", {"name": "Mei Lin"})
    assert "Mei Lin" in page.get("/threads").text
    assert page.post("/account", {"name": "x" * 151}).status_code == 422


@pytest.mark.parametrize("name", ["\u202eada", "Ada\nowner", "\u200b", "...", "a\u2028b"])
def test_a_name_that_hides_something_is_refused(page: Client, name: str) -> None:
    answer = page.post("/account", {"name": name})
    assert answer.status_code == 422


def test_another_name_is_written_down(page: Client) -> None:
    page.post("/account", {"name": "梅林"})
    page.post("/account", {"name": "Mei 👩‍🚀"})
    (entry, _) = AuditEntry.objects.filter(action="person.renamed").order_by("-pk")
    assert entry.details == {"before": "梅林", "after": "Mei 👩‍🚀"}
    assert "Changed a name" in page.get("/settings/audit").text

"""A thread as guests read it by a share link."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client

from assistants import acting
from assistants.errors import Invalid
from assistants.models import (
    Audience,
    File,
    Identity,
    Membership,
    Message,
    Project,
    Role,
    Run,
    Share,
    Thread,
    clock,
)
from assistants.operations import messages, runs, shares, steps
from assistants.operations.files import open_content
from assistants.operations.people import local_owner as owner
from assistants.operations.shares import Options
from assistants.params import MessageCreate, RunCreate, validate
from playground import shared_access, transcript
from tests.api.worker import Worker
from tests.factories import make_assistant, make_file, make_project, make_thread

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n"
INSTRUCTIONS = "Never tell anybody about Project Nightjar."
CODE = "secret_of_the_code = 6 * 7"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hashing takes a second so that nobody guesses in bulk; it is another's job to be slow."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def guest() -> Client:
    return Client()


class Told:
    """A thread with something of everything: a question with a file, code that draws, an answer
    with an image, a citation and a file that code has made.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.notes = make_file(project, "what was noted", "notes.txt")
        self.figure = make_file(project, PNG, "figure.png")
        self.drawn = make_file(project, PNG, "drawn.png")
        self.table = make_file(project, "a,b", "table.csv")
        self.cited = make_file(project, "The cited passage.", "guide.txt")
        self.other = make_file(project, "nobody's business", "other.txt")
        self.assistant = make_assistant(
            project,
            name="Plotter",
            instructions=INSTRUCTIONS,
            tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
        )
        self.sharer = acting.Actor("user", str(owner().pk), "Mei")
        with acting.acting(self.sharer):
            self.thread = make_thread(project)
            body = {
                "role": "user",
                "content": "Draw a sine wave",
                "attachments": [
                    {"file_id": self.notes.id, "tools": [{"type": "code_interpreter"}]}
                ],
            }
            messages.create(self.thread, validate(MessageCreate, body))
            self.run = self._answered()

    def _answered(self) -> Run:
        overrides = {"additional_instructions": "Hush about the nightjar."}
        params = validate(RunCreate, {"assistant_id": self.assistant.id, **overrides})
        run = runs.create(self.thread, self.assistant, params)
        worker = Worker(run.id)
        step = steps.begin_tool_calls(worker.run)
        outputs = [
            {"type": "logs", "logs": "printed by the code"},
            {"type": "image", "image": {"file_id": self.drawn.id}},
        ]
        made = [
            {
                "id": "call_code",
                "type": "code_interpreter",
                "code_interpreter": {"input": CODE, "outputs": outputs},
            },
            {
                "id": "call_search",
                "type": "file_search",
                "file_search": {
                    "results": [
                        {
                            "file_id": self.cited.id,
                            "file_name": "guide.txt",
                            "score": 0.9,
                            "content": [{"type": "text", "text": "found in the guide"}],
                        }
                    ]
                },
            },
        ]
        steps.finish_tool_calls(worker.run, step, made, None, {}, {})
        step, message = worker.begin_message()
        text = "Here【4:0†guide.txt】 it is: [table](sandbox:/mnt/data/table.csv)"
        parts: list[dict[str, Any]] = [
            {
                "type": "image_file",
                "image_file": {"file_id": self.figure.id, "detail": "auto"},
            },
            {"type": "text", "text": {"value": text, "annotations": self._notes()}},
        ]
        steps.finish_message(worker.run, step, message, parts, None)
        worker.complete()
        return run

    def _notes(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "file_citation",
                "text": "【4:0†guide.txt】",
                "start_index": 4,
                "end_index": 19,
                "file_citation": {
                    "file_id": self.cited.id,
                    "quote": "The cited passage.",
                    "start": 0,
                    "end": 18,
                },
            },
            {
                "type": "file_path",
                "text": "sandbox:/mnt/data/table.csv",
                "start_index": 0,
                "end_index": 1,
                "file_path": {"file_id": self.table.id},
            },
        ]

    def share(self, **options: Any) -> tuple[Share, str]:
        with acting.acting(self.sharer):
            share, token = shares.create(self.thread, Options(**options))
        return share, f"/s/{token}"


@pytest.fixture
def told(project: Project) -> Told:
    return Told(project)


def test_a_guest_reads_what_the_owner_sees(told: Told) -> None:
    _, link = told.share()
    html = guest().get(link).text
    for shown in (
        "Draw a sine wave",
        "Mei",
        "Plotter",
        "secret_of_the_code",
        "printed by the code",
    ):
        assert shown in re.sub("<[^>]*>", "", html), shown
    for file in (told.notes, told.figure, told.table):
        assert f"{link}/files/{file.id}" in html
    assert f"{link}/passages/{told.cited.id}?start=0&amp;end=18#passage" in html
    assert "†" not in html
    assert "found in the guide" in html


def test_the_page_has_nothing_to_write_set_up_or_inspect_with(told: Told) -> None:
    _, link = told.share()
    html = guest().get(link).text.partition("<body")[2]
    for part in ("composer", "setup", "inspect", "rail", "hx-headers", "csrf", "Regenerate"):
        assert part not in html, part
    assert re.findall('action="([^"]*)"', html) == [f"{link}/preferences"]


def test_its_headers_keep_it_to_itself(told: Told) -> None:
    _, link = told.share()
    browser = guest()
    for address in (link, f"{link}/files/{told.figure.id}", f"{link}/earlier?before=none"):
        answer = browser.get(address)
        assert answer["X-Robots-Tag"].startswith("noindex")
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "private, no-store"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY"
    page = browser.get(link)
    assert f"connect-src testserver{link}/;" in page["Content-Security-Policy"]
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert '<meta name="robots" content="noindex, nofollow">' in page.text
    assert not browser.cookies


def test_only_files_that_are_shown_are_handed_out(told: Told) -> None:
    _, link = told.share()
    for file in (told.notes, told.figure, told.drawn, told.table):
        answer = guest().get(f"{link}/files/{file.id}")
        assert answer.status_code == 200, file.filename
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]
    for file_id in (told.cited.id, told.other.id, "file-none"):
        assert guest().get(f"{link}/files/{file_id}").status_code == 404


def test_without_files_an_image_that_is_attached_is_withheld(told: Told) -> None:
    plan = make_file(told.project, PNG, "plan.png")
    tools = [{"type": "code_interpreter"}]
    body = {"role": "user", "content": "x", "attachments": [{"file_id": plan.id, "tools": tools}]}
    messages.create(told.thread, validate(MessageCreate, body))
    for shows_files, status in ((True, 200), (False, 404)):
        _, link = told.share(shows_files=shows_files)
        assert guest().get(f"{link}/files/{plan.id}").status_code == status


def test_without_files_images_stay_and_nothing_else(told: Told) -> None:
    _, link = told.share(shows_files=False)
    html = guest().get(link).text
    for file in (told.figure, told.drawn):
        assert guest().get(f"{link}/files/{file.id}").status_code == 200
    for file in (told.notes, told.table, told.cited):
        assert file.id not in html
        assert guest().get(f"{link}/files/{file.id}").status_code == 404
    assert "notes.txt" in html
    assert "The cited passage." in html
    assert "found in the guide" not in html
    assert guest().get(f"{link}/passages/{told.cited.id}?start=0&end=18").status_code == 404


def test_without_steps_there_is_no_trace_of_the_code(told: Told) -> None:
    _, link = told.share(shows_steps=False)
    html = guest().get(link).text
    assert "Here" in html
    for hidden in (CODE, "secret_of_the_code", "printed by the code", "run__head", "found in the"):
        assert hidden not in html, hidden
    assert not re.search(r"\b(run|step|call)_\w", html)
    assert "-outcome" in html
    assert guest().get(f"{link}/files/{told.drawn.id}").status_code == 404
    assert guest().get(f"{link}/files/{told.figure.id}").status_code == 200


def test_a_citation_opens_its_passage_and_no_other(told: Told) -> None:
    _, link = told.share()
    answer = guest().get(f"{link}/passages/{told.cited.id}?start=0&end=18")
    assert answer.status_code == 200
    assert "guide.txt" in answer.text
    for wrong in (
        f"{told.cited.id}?start=0&end=17",
        f"{told.cited.id}?start=0",
        f"{told.cited.id}?start=0&end=9999999999",
        f"{told.other.id}?start=0&end=18",
    ):
        assert guest().get(f"{link}/passages/{wrong}").status_code == 404, wrong


def test_a_frozen_link_shows_the_moment(told: Told) -> None:
    share, link = told.share()
    messages.create(told.thread, validate(MessageCreate, {"role": "user", "content": "Said later"}))
    worker = Worker(runs.create(told.thread, told.assistant, _plain(told)).id)
    worker.answer("Answered later")
    worker.complete()
    Thread.objects.filter(pk=told.thread.pk).update(metadata={"title": "Renamed later"})
    html = guest().get(link).text
    assert "Draw a sine wave" in html
    assert "later" not in html
    assert guest().get(f"{link}/stream").status_code == 404
    shares.change(share, Options())
    assert "Answered later" in guest().get(link).text


def test_what_a_run_writes_at_the_moment_is_not_frozen(told: Told) -> None:
    worker = Worker(runs.create(told.thread, told.assistant, _plain(told)).id)
    step, message = worker.begin_message()
    worker.say(message, "Half an ans", first=True)
    _, link = told.share()
    worker.finish_message(step, message, "Half an answer and more")
    worker.complete()
    assert "Half an" not in guest().get(link).text


def test_revoked_and_expired_links_are_gone_and_unknown_ones_never_were(told: Told) -> None:
    share, link = told.share()
    passed, late = told.share(expires_at=clock.now() + timedelta(hours=1))
    assert guest().get(late).status_code == 200
    Share.objects.filter(pk=passed.pk).update(expires_at=clock.now())
    shares.revoke(share)
    for gone in (link, late):
        for address in ("", "/stream", f"/files/{told.figure.id}", "/earlier?before=x"):
            answer = guest().get(gone + address)
            assert answer.status_code == 410, address
            assert answer["X-Robots-Tag"].startswith("noindex")
        assert guest().post(f"{gone}/password").status_code == 410
    assert "This link opens nothing any more" in guest().get(link).text
    assert guest().get("/s/" + "x" * 43).status_code == 404


def test_a_token_is_found_by_its_digest_and_kept_sealed(told: Told) -> None:
    share, link = told.share()
    token = link.removeprefix("/s/")
    assert len(token) == 43
    assert share.digest == Share.digest_of(token)
    kept = Share.objects.filter(pk=share.pk).values().get()
    assert token not in str(kept)
    assert shares.token_of(share) == token


def _member(project: Project, name: str, role: Role, email: str = "") -> Client:
    user = User.objects.create_user(name, email)
    Membership.objects.create(project=project, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def test_a_link_for_the_project_is_for_its_members(told: Told, stranger: Client) -> None:
    _, link = told.share(audience=Audience.PROJECT)
    viewer = _member(told.project, "jun", Role.VIEWER)
    assert viewer.get(link).status_code == 200
    for address in ("", "/stream", f"/files/{told.figure.id}"):
        assert stranger.get(link + address).status_code == 404
    sent = guest().get(link)
    assert sent.status_code == 302
    assert sent["Location"].startswith("/login?next=/s/")
    assert guest().get(f"{link}/files/{told.figure.id}").status_code == 404


def test_a_link_for_people_is_for_those_who_are_named(told: Told, stranger: Client) -> None:
    other = make_project("Other")
    jun, an = (
        _member(other, "jun", Role.VIEWER),
        _member(other, "an", Role.VIEWER, "an@Example.org"),
    )
    # An address that no provider has proven, and a name that looks like one.
    false = [
        _member(other, "mallory", Role.VIEWER, "an@example.org"),
        _member(other, "AN@example.org", Role.VIEWER),
    ]
    with pytest.raises(Invalid, match=r"no account named “AN@example\.org”"):
        told.share(audience=Audience.PEOPLE, people=("AN@example.org",))
    Identity.objects.create(
        user=User.objects.get(username="an"), issuer="https://id.example.org", subject="an"
    )
    _, link = told.share(audience=Audience.PEOPLE, people=("Jun", "AN@example.org"))
    assert jun.get(link).status_code == 200
    assert an.get(link).status_code == 200
    assert all(one.get(link).status_code == 404 for one in (stranger, *false))
    User.objects.filter(username="jun").update(is_active=False)
    assert jun.get(link).status_code == 302  # signed out, as anybody who is not active


def test_a_password_is_asked_for_once_and_guards_everything(told: Told) -> None:
    share, link = told.share(password="swordfish", live=True)
    assert "swordfish" not in share.password
    browser = guest()
    asked = browser.get(link)
    assert "Draw a sine wave" not in asked.text
    assert "Plotter" not in asked.text
    for address in ("/stream", f"/files/{told.figure.id}", "/earlier?before=x"):
        assert browser.get(link + address).status_code == 404
    assert browser.post(f"{link}/password", {"password": "wrong"}).status_code == 403
    assert not browser.cookies
    led = browser.post(f"{link}/password", {"password": "swordfish"})
    assert led["Location"] == link
    (cookie,) = browser.cookies.values()
    assert cookie["path"] == link
    assert cookie["httponly"]
    assert "Draw a sine wave" in browser.get(link).text
    assert browser.get(f"{link}/files/{told.figure.id}").status_code == 200
    shares.change(share, Options(password="another", live=True))
    assert "Draw a sine wave" not in browser.get(link).text


def test_the_cookie_of_one_link_opens_no_other(told: Told) -> None:
    _, first = told.share(password="one")
    _, second = told.share(password="two")
    browser = guest()
    browser.post(f"{first}/password", {"password": "one"})
    cookie = next(iter(browser.cookies.values())).value
    other = guest()
    other.cookies["share_password"] = cookie
    assert "Draw a sine wave" not in other.get(second).text
    assert "Draw a sine wave" in other.get(first).text


def test_passwords_cannot_be_guessed_in_bulk(told: Told) -> None:
    _, link = told.share(password="swordfish")
    for _try in range(shares.ATTEMPTS):
        assert guest().post(f"{link}/password", {"password": "x"}).status_code == 403
    refused = guest().post(f"{link}/password", {"password": "swordfish"})
    assert refused.status_code == 429
    assert "Too many attempts" in refused.text
    elsewhere = guest().post(f"{link}/password", {"password": "swordfish"}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


def test_who_knows_the_password_keeps_nobody_out(told: Told) -> None:
    share, _ = told.share(password="swordfish")
    for number in range(shares.ATTEMPTS_OF_ALL + 1):
        assert shares.unlock(share, "swordfish", f"192.0.2.{number}")


def test_openings_are_counted_but_those_of_the_sharer(told: Told, page: Client) -> None:
    share, link = told.share()
    page.get(link)
    share.refresh_from_db()
    assert (share.opened, share.last_opened_at) == (0, None)
    reader = guest()
    reader.get(link)
    reader.get(link)
    reader.head(link)
    reader.get(f"{link}/files/{told.figure.id}")
    share.refresh_from_db()
    assert share.opened == 2
    assert share.last_opened_at


def test_a_long_thread_comes_in_pages(project: Project) -> None:
    count = transcript.PAGE_SIZE + 3
    thread = make_thread(project, *[f"Message number {n}." for n in range(count)])
    _, token = shares.create(thread, Options())
    link = f"/s/{token}"
    newest = guest().get(link)
    assert "Message number 2." not in newest.text
    before = newest.context["transcript"].first_message_id
    assert f'href="?before={before}"' in newest.text
    assert f'hx-get="{link}/earlier?before={before}"' in newest.text
    for address in (f"{link}?before={before}", f"{link}/earlier?before={before}"):
        earlier = guest().get(address).text
        assert "Message number 2." in earlier
        assert "Message number 3." not in earlier
    other = make_thread(project, "Of another thread").messages.get()
    assert guest().get(f"{link}/earlier?before={other.id}").status_code == 404


def test_what_is_kept_of_a_rendering_never_passes_between_owner_and_guests(
    told: Told, page: Client
) -> None:
    _, whole = told.share()
    _, bare = told.share(shows_files=False, shows_steps=False)
    for _round in range(2):
        owners = page.get(f"/threads/{told.thread.id}").text
        assert "/s/" not in owners.replace("/static/", "")
        assert f"/files/{told.figure.id}/content" in owners
        assert "Regenerate" in owners
        for link, other in ((whole, bare), (bare, whole)):
            html = guest().get(link).text
            assert f"{link}/files/{told.figure.id}" in html
            assert other not in html
            assert "/content" not in html
            assert "Regenerate" not in html
        assert told.notes.id not in guest().get(bare).text


def test_a_failed_run_tells_guests_nothing_of_its_provider(told: Told) -> None:
    worker = Worker(runs.create(told.thread, told.assistant, _plain(told)).id)
    worker.fail("http://10.0.0.5:11434 refused the connection")
    _, link = told.share()
    html = guest().get(link).text
    assert "The run failed" in html
    assert "10.0.0.5" not in html
    assert "Retry" not in html


def test_a_guest_chooses_theme_and_language_without_an_account(told: Told) -> None:
    _, link = told.share()
    browser = Client(enforce_csrf_checks=True)
    led = browser.post(f"{link}/preferences", {"theme": "dark"}, headers={"Origin": "null"})
    assert led["Location"] == link
    browser.post(f"{link}/preferences", {"language": "zh-hant"}, headers={"Origin": "null"})
    html = browser.get(link).text
    assert 'data-theme="dark"' in html
    assert '<html lang="zh-Hant"' in html
    assert configured.SESSION_COOKIE_NAME not in browser.cookies
    browser.post(f"{link}/preferences", {"language": "tlh"})
    assert '<html lang="zh-Hant"' in browser.get(link).text


@pytest.fixture
def leaks(told: Told) -> Callable[[str], None]:
    """Asserts that a text tells nothing of the project but what is shared."""
    other = make_thread(told.project, "Said elsewhere")
    mei = User.objects.get(username="owner")
    colleague = acting.Actor("user", "4711", "Colleague Hu")
    with acting.acting(colleague):
        body = {"role": "user", "content": "Added by a colleague"}
        messages.create(told.thread, validate(MessageCreate, body))
    key = acting.Actor("key", "key_secret", "Nightly batch key")
    with acting.acting(key):
        body = {"role": "user", "content": "Added by a program"}
        messages.create(told.thread, validate(MessageCreate, body))
    Project.objects.filter(pk=told.project.pk).update(name="Project Nightjar")
    hidden = {
        told.project.id,
        "Nightjar",
        "nightjar",
        told.assistant.id,
        told.thread.id,
        other.id,
        mei.username,
        "4711",
        "Colleague Hu",
        "key_secret",
        "Nightly batch",
        told.other.id,
        "proj_",
        "asst_",
        "thread_",
    }

    def check(text: str) -> None:
        found = [one for one in hidden if one in text]
        assert found == []

    return check


def test_nothing_of_the_project_is_in_the_page_or_what_it_leads_to(
    told: Told, leaks: Callable[[str], None], stranger: Client
) -> None:
    _, link = told.share(live=True, may_copy=True)
    for browser in (guest(), stranger):
        html = browser.get(link).text
        assert "Added by a colleague" in html
        leaks(html)
        addresses = set(re.findall(r'(?:href|src|hx-get|data-src)="(/[^"]*)"', html))
        followed = {one for one in addresses if not one.startswith("/static/")}
        assert len(followed) >= 6
        for address in followed:
            assert address.startswith(link), address
            if address in (f"{link}/copy", f"{link}/stream"):
                continue
            answer = browser.get(address.replace("&amp;", "&"))
            assert answer.status_code == 200, address
            if not answer.streaming:
                leaks(answer.text)
            leaks(str(answer.headers))


def _plain(told: Told) -> RunCreate:
    return validate(RunCreate, {"assistant_id": told.assistant.id})


# --- in a copy


def test_a_copy_lands_in_the_readers_own_project_with_its_files(told: Told) -> None:
    _, link = told.share(may_copy=True)
    home = make_project("Home")
    jun = _member(home, "jun", Role.EDITOR)
    assert f'href="{link}/copy"' in jun.get(link).text
    assert "Home" in jun.get(f"{link}/copy").text
    led = jun.post(f"{link}/copy", {"project": home.id})
    copy = Thread.objects.get(project=home)
    assert led["Location"] == f"/threads/{copy.id}"
    said, answered = copy.messages.oldest_first()
    assert said.text == "Draw a sine wave"
    assert said.author["name"] == "Mei"
    files = {file.filename: file for file in File.objects.filter(project=home)}
    assert files.keys() == {"notes.txt", "figure.png", "table.csv"}
    assert said.attachments[0]["file_id"] == files["notes.txt"].id
    assert copy.code_interpreter_file_ids == [files["notes.txt"].id]
    assert answered.content[0]["image_file"]["file_id"] == files["figure.png"].id
    kept = str([message.to_dict() for message in (said, answered)]) + str(copy.to_dict())
    for file in (told.notes, told.figure, told.table, told.cited):
        assert file.id not in kept
    assert told.assistant.id not in kept
    make_assistant(home)
    html = jun.get(f"/threads/{copy.id}").text
    assert f"/files/{files['figure.png'].id}/content" in html
    assert "The cited passage." in html
    with open_content(files["table.csv"]) as content:
        assert content.read() == b"a,b"


def test_without_files_only_images_are_copied(told: Told) -> None:
    _, link = told.share(may_copy=True, shows_files=False)
    home = make_project("Home")
    _member(home, "jun", Role.EDITOR).post(f"{link}/copy", {"project": home.id})
    assert {file.filename for file in File.objects.filter(project=home)} == {"figure.png"}
    assert all(not one.attachments for one in Message.objects.filter(thread__project=home))


def test_a_copy_takes_leave_an_account_and_a_project_to_write_in(
    told: Told, stranger: Client
) -> None:
    _, read_only = told.share()
    _, link = told.share(may_copy=True)
    home = make_project("Home")
    viewer = _member(home, "jun", Role.VIEWER)
    assert stranger.get(f"{read_only}/copy").status_code == 404
    assert guest().get(f"{link}/copy").status_code == 302
    assert viewer.post(f"{link}/copy", {"project": home.id}).status_code == 404
    assert viewer.post(f"{link}/copy", {"project": told.project.id}).status_code == 404
    csrf = Client(enforce_csrf_checks=True)
    csrf.force_login(owner())
    assert csrf.post(f"{link}/copy", {"project": told.project.id}).status_code == 403
    assert Thread.objects.count() == 1


def test_who_is_to_sign_in_for_a_copy_is_told_why_and_finds_the_way_back(told: Told) -> None:
    _, link = told.share(may_copy=True)
    browser = guest()
    page = browser.get(browser.get(f"{link}/copy")["Location"]).text
    assert "it takes an account here" in page
    assert f'<a href="{link}">Back to the shared thread</a>' in page
    assert f'name="next" value="{link}/copy"' in page
    # What only whoever runs the server can do is not for guests.
    assert "make login" not in page
    for other in ("/login", "/login?next=/threads", "/login?next=//[", f"/login?next={link}"):
        page = browser.get(other).text
        assert "make login" in page
        assert "it takes an account here" not in page


def test_the_page_that_copies_answers_as_the_link_does(told: Told, stranger: Client) -> None:
    share, link = told.share(may_copy=True)
    page = stranger.get(f"{link}/copy")
    away = guest().get(f"{link}/copy")
    csrf = re.search(r'name="csrfmiddlewaretoken"', page.text)
    assert (page.status_code, away.status_code, bool(csrf)) == (200, 302, True)
    # With "no-referrer" browsers send no origin with the form, and it is refused.
    assert page.headers["Referrer-Policy"] == "strict-origin"
    shares.revoke(share)
    over = [browser.get(f"{link}/copy") for browser in (guest(), stranger)]
    over += [browser.post(f"{link}/copy", {"project": "x"}) for browser in (guest(), stranger)]
    unknown = [browser.get("/s/none/copy") for browser in (guest(), stranger)]
    assert [answer.status_code for answer in over + unknown] == [410] * 4 + [404] * 2
    assert over[0].text == guest().get(link).text
    for answer in (page, away, *over, *unknown):
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    for answer in (away, *over, *unknown):
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_copy_at_home_uses_the_same_files(told: Told, page: Client) -> None:
    _, link = told.share(may_copy=True)
    count = File.objects.count()
    page.post(f"{link}/copy", {"project": told.project.id})
    copy = Thread.objects.exclude(pk=told.thread.pk).get()
    assert copy.code_interpreter_file_ids == [told.notes.id]
    assert File.objects.count() == count


@pytest.mark.parametrize(
    "method, path, host, status",
    [
        ("get", "/s/{token}/", "testserver", 404),
        ("get", "/s/{token}/nothing/here", "testserver", 404),
        ("get", "/s/{token}%00", "testserver", 400),
        ("get", "/s/{token}", "elsewhere.example", 400),
        ("put", "/s/{token}", "testserver", 403),
        ("delete", "/s/{token}", "testserver", 403),
        ("options", "/s/{token}", "testserver", 405),
    ],
)
def test_whatever_is_answered_below_a_link_keeps_to_itself(
    thread: Thread, method: str, path: str, host: str, status: int
) -> None:
    _share, token = shares.create(thread, Options())
    browser = Client(enforce_csrf_checks=True, headers={"host": host})
    answer = getattr(browser, method)(path.format(token=token))
    assert answer.status_code == status
    assert {name: answer[name] for name in shared_access.HEADERS} == shared_access.HEADERS
    assert not answer.cookies

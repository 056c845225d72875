"""Several people at one thread: members who see each other, and guests of a live link."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from assistants import acting
from assistants.events.hub import hub
from assistants.models import (
    Assistant,
    Audience,
    Membership,
    Project,
    Role,
    Share,
    Thread,
    clock,
)
from assistants.operations import members, messages, people, runs, shares, steps
from assistants.operations.shares import Options
from assistants.params import MessageCreate
from playground import access, presence, readers, sessions, shared_access, transcript
from playground.presence import Person
from playground.scopes import Scope
from playground.streaming import Allowed, ThreadStream
from tests.api.worker import Worker
from tests.factories import make_run, make_thread

pytestmark = pytest.mark.django_db(transaction=True)

MEI, JUN = Person("Mei", "user:1"), Person("Jun", "user:2")
CODE = "secret_of_the_code = 6 * 7"


@pytest.fixture
def thread(transactional_db: None, project: Project) -> Thread:
    return make_thread(project, "Count to five")


@pytest.fixture(autouse=True)
async def _hub() -> AsyncIterator[None]:
    yield
    await hub().aclose()


class Page:
    """A page that shows the thread: all that its stream has told."""

    def __init__(
        self,
        thread: Thread,
        person: Person | None = None,
        scope: Scope | None = None,
        language: str = "en",
        allowed: Allowed = lambda: True,
    ) -> None:
        reader = readers.Reader(language, None, scope)
        place = transcript.place_of("0-0")
        self._stream = ThreadStream(thread.id, place, reader, allowed, person)
        self.told = ""
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Page":
        self._reading = asyncio.create_task(self._read())
        await self.hears("event: message")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        assert self._reading
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async with aclosing(self._stream.frames()) as frames:
            async for data in frames:
                self.told += data.decode()

    async def hears(self, text: str, since: int = 0) -> None:
        """It is told this, after so many characters."""
        async with asyncio.timeout(10):
            while text not in self.told[since:]:
                assert self._reading
                assert not self._reading.done() or text in self.told[since:], self.told
                await asyncio.sleep(0.01)

    @property
    def here(self) -> str:
        """The newest state of who is here."""
        return self.told.rpartition('id="here"')[2].partition("</ul>")[0]


def scoped(thread: Thread, **options: Any) -> tuple[Share, Scope]:
    with acting.acting(acting.Actor("user", "1", "Mei")):
        share, token = shares.create(thread, Options(live=True, **options))
    return share, Scope.of(share, token)


def said(thread: Thread, text: str, actor: acting.Actor) -> None:
    with acting.acting(actor):
        messages.create(thread, MessageCreate(role="user", content=text))


async def answered(thread: Thread, assistant: Assistant) -> Worker:
    """A run with code and an answer, from its beginning to its end."""
    worker = await sync_to_async(Worker)((await sync_to_async(make_run)(thread, assistant)).id)
    step = await sync_to_async(steps.begin_tool_calls)(worker.run)
    call = {"index": 0, "id": "call_1", "type": "code_interpreter"}
    first = {**call, "code_interpreter": {"input": "", "outputs": []}}
    more = {**call, "code_interpreter": {"input": CODE}}
    for part in (first, more):
        details = {"type": "tool_calls", "tool_calls": [part]}
        delta = sync_to_async(worker._delta)
        await delta("thread.run.step", step.id, {"step_details": details})
        await asyncio.sleep(0.15)
    made = {**call, "code_interpreter": {"input": CODE, "outputs": []}}
    del made["index"]
    finish = sync_to_async(steps.finish_tool_calls)
    await finish(worker.run, step, [made], None, {}, {})
    await sync_to_async(worker.answer)("One, ", "two **three**")
    await asyncio.sleep(0.15)
    await sync_to_async(worker.complete)()
    return worker


async def test_guests_of_a_live_link_see_a_run_as_it_happens(
    thread: Thread, assistant: Assistant
) -> None:
    _, scope = await sync_to_async(scoped)(thread)
    async with Page(thread, scope=scope) as guest, Page(thread, MEI) as member:
        worker = await answered(thread, assistant)
        await guest.hears('data-status="completed"')
        await member.hears('data-status="completed"')
        assert "secret_of_the_code" in guest.told
        assert "<strong>three</strong>" in guest.told
        link = f"/s/{scope.token}"
        assert f'data-src="{link}/stream"' in guest.told
        for of_members in ("composer-actions", "rail-", "Regenerate", f"/threads/{thread.id}"):
            assert of_members not in guest.told, of_members
            assert of_members in member.told, of_members
        assert link not in member.told
        assert thread.project_id not in guest.told
        assert assistant.id not in guest.told
        assert worker.run.id in guest.told


async def test_a_stream_without_steps_has_none_of_the_code(
    thread: Thread, assistant: Assistant
) -> None:
    _, bare = await sync_to_async(scoped)(thread, shows_steps=False)
    _, whole = await sync_to_async(scoped)(thread)
    async with Page(thread, scope=bare) as guest, Page(thread, scope=whole) as other:
        worker = await answered(thread, assistant)
        await guest.hears("<strong>three</strong>")
        await guest.hears('data-live=""', guest.told.index("<strong>three</strong>"))
        await other.hears('data-status="completed"')
        assert worker.run.id not in guest.told
        assert not re.search(r"\b(run|step)_\w", guest.told)
        assert 'data-live="run-' in guest.told
        names = set(re.findall(r'id="([\w-]+)-outcome"', guest.told))
        assert len(names) == 1
        assert "secret_of_the_code" in other.told
        assert "secret" not in guest.told
        assert "call_1" not in guest.told
        assert "run__head" not in guest.told
        assert bare.token not in other.told
        assert whole.token not in guest.told


async def test_revoking_ends_the_stream_at_once(thread: Thread) -> None:
    share, scope = await sync_to_async(scoped)(thread)
    _, other_scope = await sync_to_async(scoped)(thread)
    async with Page(thread, scope=scope) as guest, Page(thread, scope=other_scope) as other:
        begun = time.monotonic()
        await sync_to_async(shares.revoke)(share)
        await guest.hears("event: gone")
        assert time.monotonic() - begun < 2
        assert guest.told.endswith("event: close\ndata: \n\n")
        await sync_to_async(said)(thread, "Said after it", acting.SERVICE)
        await other.hears("Said after it")
        assert "Said after it" not in guest.told


def reading(project: Project, name: str) -> tuple[User, Allowed]:
    """An editor who is signed in, and whether they may still read."""
    browser, user = colleague(project, name)
    member = Membership.objects.get(project=project, user=user)
    request = RequestFactory().get("/")
    request.user, request.session = user, browser.session
    entered = cast("access.Request", request)
    entered.membership = member
    return user, access.still_reads(entered, project.id)


def removed(user: User) -> None:
    members.remove(Membership.objects.get(user=user))


def made_a_viewer(user: User) -> None:
    members.change_role(Membership.objects.get(user=user), Role.VIEWER)


def another_password(user: User) -> None:
    people.set_password(user, "another horse battery")
    sessions.end_all(user)


@pytest.mark.parametrize(
    "what", [removed, made_a_viewer, sessions.end_all, another_password], ids=lambda f: f.__name__
)
async def test_who_may_do_less_is_sent_away_at_once(
    thread: Thread, project: Project, what: Callable[[User], None]
) -> None:
    jun, jun_may = await sync_to_async(reading)(project, "jun")
    _, mei_may = await sync_to_async(reading)(project, "mei")
    async with Page(thread, allowed=jun_may) as page, Page(thread, allowed=mei_may) as other:
        begun = time.monotonic()
        await sync_to_async(what)(jun)
        await page.hears("event: gone")
        assert time.monotonic() - begun < 2
        await sync_to_async(said)(thread, "Said after it", acting.SERVICE)
        await other.hears("Said after it")
        assert "event: gone" not in other.told
        assert "Said after it" not in page.told


async def test_who_was_removed_while_the_stream_began_is_sent_away(
    thread: Thread, project: Project
) -> None:
    jun, jun_may = await sync_to_async(reading)(project, "jun")
    async with Page(thread):
        await sync_to_async(removed)(jun)
        async with Page(thread, allowed=jun_may) as page:
            await sync_to_async(said)(thread, "Said after it", acting.SERVICE)
            await page.hears("event: gone")
            assert "Said after it" not in page.told


async def test_a_guest_who_is_named_as_a_member_goes_with_the_membership(
    thread: Thread, project: Project
) -> None:
    jun, _ = await sync_to_async(reading)(project, "jun")
    share, scope = await sync_to_async(scoped)(thread, audience=Audience.PROJECT)
    jun_may = partial(shared_access.may_still_open, share.id, jun.pk)
    async with Page(thread, scope=scope, allowed=jun_may) as page:
        await sync_to_async(removed)(jun)
        await page.hears("event: gone")


async def test_a_change_of_the_link_sends_its_readers_back_to_the_door(thread: Thread) -> None:
    share, scope = await sync_to_async(scoped)(thread)
    async with Page(thread, scope=scope) as guest:
        await sync_to_async(shares.change)(share, Options(live=True, password="swordfish"))
        await guest.hears("event: gone")


async def test_expiry_ends_the_stream(thread: Thread) -> None:
    soon = clock.now() + timedelta(seconds=1.5)
    _, scope = await sync_to_async(scoped)(thread, expires_at=soon)
    async with Page(thread, scope=scope) as guest:
        await guest.hears("event: gone")
        assert clock.now() >= soon
        assert clock.now() - soon < timedelta(seconds=2)


async def test_people_are_told_who_else_is_here(thread: Thread) -> None:
    _, scope = await sync_to_async(scoped)(thread)
    async with Page(thread, MEI) as mei:
        assert "hidden" in mei.here
        async with Page(thread, JUN, language="zh-hant") as jun, Page(thread, scope=scope) as guest:
            await mei.hears(">Jun<")
            assert "hidden" not in mei.here
            assert ">You<" in mei.here
            assert ">Mei<" in jun.here
            assert ">Jun<" not in jun.here
            # Another tab of the same person changes nothing, and neither does closing it.
            async with Page(thread, JUN) as tab:
                assert ">Mei<" in tab.here
            await asyncio.sleep(0.3)
            assert ">Jun<" in mei.here
        await mei.hears("hidden", mei.told.rindex(">Jun<"))
        assert ">Jun<" not in mei.here
        assert 'id="here"' not in guest.told
        assert ">Jun<" not in guest.told


async def test_who_vanished_without_a_word_is_forgotten(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "KEEP_SECONDS", 1)
    write = sync_to_async(presence.write)
    await write(thread.id, JUN)
    people = sync_to_async(presence.people)
    assert await people(thread.id) == [JUN]
    await asyncio.sleep(1.1)
    assert await people(thread.id) == []


async def test_messages_tell_who_wrote_them(thread: Thread) -> None:
    async with Page(thread, MEI) as mei, Page(thread, JUN) as jun:
        await sync_to_async(said)(thread, "From Mei", acting.Actor("user", "1", "Mei"))
        for page, name in ((mei, "You"), (jun, "Mei")):
            await page.hears("From Mei")
            head = page.told.rpartition("From Mei")[0].rpartition("<h2")[2]
            assert f">{name}</bdi>" in head


async def test_a_lock_is_explained_and_ends_by_itself(thread: Thread, assistant: Assistant) -> None:
    def begin() -> Worker:
        with acting.acting(acting.Actor("user", "1", "Mei")):
            return Worker(make_run(thread, assistant).id)

    async with Page(thread, MEI) as mei, Page(thread, JUN) as jun:
        worker = await sync_to_async(begin)()
        await jun.hears("Mei’s run is using this thread")
        await mei.hears("The thread is locked while a run is active.</span>")
        assert "Mei’s run" not in mei.told
        assert "disabled hidden>Add and run" in mei.told
        assert 'disabled data-not-for="user:1">Add and run' in jun.told
        # One's own is stopped at once, that of others after a question.
        assert 'hx-target="#dialog" hidden>' in mei.told
        assert 'hidden data-only-for="user:1"' in jun.told
        assert "data-only-for" not in mei.told
        at = len(jun.told)
        await sync_to_async(worker.complete)()
        await jun.hears('data-active=""', at)


# --- over plain HTTP


def colleague(project: Project, name: str) -> tuple[Client, User]:
    user = User.objects.create_user(name)
    Membership.objects.create(project=project, user=user, role=Role.EDITOR)
    client = Client()
    client.force_login(user)
    return client, user


def test_each_page_says_you_to_who_wrote(project: Project, assistant: Assistant) -> None:
    mei, _ = colleague(project, "mei")
    jun, _ = colleague(project, "jun")
    thread = make_thread(project)
    body = {"content": "Hello from Mei", "action": "add", "assistant_id": assistant.id}
    told = mei.post(f"/threads/{thread.id}/messages", body, headers={"HX-Request": "true"}).text
    assert "<bdi>You</bdi>" in told
    assert thread.messages.get().author["name"] == "mei"
    assert "<bdi>You</bdi>" in mei.get(f"/threads/{thread.id}").text
    seen = jun.get(f"/threads/{thread.id}").text
    assert ">mei</bdi>" in seen
    assert "<bdi>You</bdi>" not in seen


def test_who_is_locked_out_is_told_by_whom_and_keeps_the_words(
    project: Project, assistant: Assistant
) -> None:
    mei, _ = colleague(project, "mei")
    jun, _ = colleague(project, "jun")
    thread = make_thread(project, "Count")
    body = {"content": "Go on", "action": "run", "assistant_id": assistant.id}
    mei.post(f"/threads/{thread.id}/messages", body)
    run = thread.runs.get()
    assert run.created_by["name"] == "mei"
    assert "mei’s run is using this thread" in jun.get(f"/threads/{thread.id}").text
    assert "mei’s run" not in mei.get(f"/threads/{thread.id}").text
    refused = jun.post(
        f"/threads/{thread.id}/messages",
        {**body, "content": "Me too"},
        headers={"HX-Request": "true"},
    )
    assert refused.status_code == 422
    assert "mei’s run is using this thread" in refused.text
    whole = jun.post(f"/threads/{thread.id}/messages", {**body, "content": "Me too"})
    assert "Me too</textarea>" in whole.text
    runs.cancel(run)


def test_a_program_s_message_has_the_name_of_its_key(
    project: Project, assistant: Assistant, page: Client
) -> None:
    thread = make_thread(project)
    said(thread, "From a program", acting.Actor("key", "key_1", "Nightly batch"))
    assert ">Nightly batch</bdi>" in page.get(f"/threads/{thread.id}").text


def test_what_a_teammate_has_tried_is_not_tried_by_others(
    project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, "Hello")
    (mei, mei_user), (jun, jun_user) = colleague(project, "Mei"), colleague(project, "Jun")

    def tried(user: User, words: str) -> None:
        with acting.acting(access.actor(user)):
            runs.cancel(make_run(thread, assistant, additional_instructions=words))

    def options(client: Client) -> str:
        html = client.get(f"/threads/{thread.id}").text
        return html.partition('id="run-options"')[2].partition("</form>")[0]

    tried(mei_user, "Like a pirate")
    tried(jun_user, "In verse")
    assert "Like a pirate" in options(mei)
    assert "In verse" not in options(mei)
    assert "In verse" in options(jun)
    # Also where the newest page shows none of one's own.
    for number in range(transcript.PAGE_SIZE):
        said(thread, f"{number}", acting.SERVICE)
    assert "Like a pirate" in options(mei)
    client, _user = colleague(project, "Kim")
    assert "In verse" not in options(client)


def test_who_stops_the_run_of_somebody_else_is_asked(
    project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, "Hello")
    (mei, mei_user), (jun, _jun) = colleague(project, "Mei"), colleague(project, "Jun")
    with acting.acting(access.actor(mei_user)):
        run = make_run(thread, assistant)
    address = f"/threads/{thread.id}/runs/{run.id}/cancel"
    asked = jun.get(address, headers={"HX-Request": "true"}).text
    assert "Stop the run of Mei?" in asked
    assert f'action="{address}"' in asked
    assert "Stop the run of Mei?" in jun.get(address).text
    assert mei.get(address).status_code == 302
    assert jun.post(address).status_code == 302
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert jun.get(address).status_code == 302

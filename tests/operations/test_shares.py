"""What the links of threads refuse."""

from datetime import timedelta

import pytest

from assistants.errors import Invalid, RateLimited
from assistants.models import Audience, clock
from assistants.operations import shared_part, shares
from assistants.operations.shares import Options
from tests.factories import make_file, make_project, make_thread

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "options, said",
    [
        (Options(audience=Audience.PEOPLE), "Name at least one account that may read."),
        (
            Options(audience=Audience.PEOPLE, people=tuple(map(str, range(101)))),
            "At most 100 accounts can be named.",
        ),
        (
            Options(expires_at=clock.now() - timedelta(days=1)),
            "The link would have expired already.",
        ),
    ],
)
def test_a_link_that_opens_nothing_is_not_made(options: Options, said: str) -> None:
    with pytest.raises(Invalid, match=said.split("100", maxsplit=1)[0]) as refused:
        shares.create(make_thread(None, "Hello"), options)
    assert refused.value.message == said


def test_a_password_is_not_guessed() -> None:
    share, _token = shares.create(make_thread(None, "Hello"), Options(password="right"))
    for _ in range(shares.ATTEMPTS):
        assert not shares.unlock(share, "wrong", "192.0.2.1")
    with pytest.raises(RateLimited, match=r"Too many attempts. Try again in"):
        shares.unlock(share, "right", "192.0.2.1")


def test_a_copy_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    file = make_file(project, "0123456789")
    thread = make_thread(project, "Hello")
    tools = [{"type": "code_interpreter"}]
    thread.messages.update(attachments=[{"file_id": file.id, "tools": tools}])
    share, _token = shares.create(thread, Options(may_copy=True))
    monkeypatch.setattr(shared_part, "MAX_COPY_BYTES", 9)
    with pytest.raises(Invalid, match="The files of this thread are too large to be copied"):
        shared_part.copy(share, make_project("Another"))

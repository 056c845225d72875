"""Lists: their envelope, and paging that shows every object exactly once."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import BadRequestError, NotFoundError, OpenAI

from assistants.models import Assistant, Message, Project
from assistants.operations import threads

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


@pytest.fixture
def ids(client: OpenAI) -> list[str]:
    """Seven assistants, the oldest first, some of them made in the very same moment."""
    made = [client.beta.assistants.create(model="demo").id for _ in range(7)]
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    Assistant.objects.filter(pk__in=made[2:6]).update(created_at=moment)
    return list(Assistant.objects.oldest_first().values_list("pk", flat=True))


def test_an_empty_list_has_no_ends(http: httpx2.Client) -> None:
    for path in ("/v1/assistants", "/v1/files"):
        assert http.get(path).json() == {
            "object": "list",
            "data": [],
            "first_id": None,
            "last_id": None,
            "has_more": False,
        }


def test_a_page_names_its_ends(http: httpx2.Client, ids: list[str]) -> None:
    page = http.get("/v1/assistants", params={"limit": 3}).json()
    assert [item["id"] for item in page["data"]] == ids[:-4:-1]
    assert (page["first_id"], page["last_id"]) == (ids[-1], ids[-3])
    assert page["has_more"] is True
    page = http.get("/v1/assistants", params={"limit": 7}).json()
    assert page["has_more"] is False


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 100])
def test_the_sdk_pages_through_all_of_it_once(client: OpenAI, ids: list[str], limit: int) -> None:
    newest_first = [item.id for item in client.beta.assistants.list(limit=limit)]
    assert newest_first == ids[::-1]
    oldest_first = [item.id for item in client.beta.assistants.list(limit=limit, order="asc")]
    assert oldest_first == ids


def test_before_pages_back(client: OpenAI, ids: list[str]) -> None:
    page = client.beta.assistants.list(order="asc", before=ids[5], limit=2)
    assert [item.id for item in page.data] == ids[3:5]
    assert page.has_more
    page = client.beta.assistants.list(order="asc", before=ids[2], limit=2)
    assert [item.id for item in page.data] == ids[:2]
    assert not page.has_more


def test_after_and_before_bound_a_range(client: OpenAI, ids: list[str]) -> None:
    page = client.beta.assistants.list(order="asc", after=ids[1], before=ids[4])
    assert [item.id for item in page.data] == ids[2:4]


def test_a_cursor_must_be_in_the_list(client: OpenAI, ids: list[str]) -> None:
    with pytest.raises(NotFoundError, match="No assistant found with id 'asst_unknown'"):
        client.beta.assistants.list(after="asst_unknown")
    with pytest.raises(BadRequestError, match="Expected an ID that begins with 'asst'"):
        client.beta.assistants.list(before="thread_1")


@pytest.mark.parametrize("path, most", [("/v1/assistants", 100), ("/v1/files", 10_000)])
def test_limits_are_bounded(http: httpx2.Client, path: str, most: int) -> None:
    assert http.get(path, params={"limit": most}).status_code == 200
    response = http.get(path, params={"limit": most + 1})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "Invalid 'limit': integer above maximum value. "
        f"Expected a value <= {most}, but got {most + 1} instead.",
        "type": "invalid_request_error",
        "param": "limit",
        "code": "integer_above_max_value",
    }
    response = http.get(path, params={"limit": 0})
    assert response.json()["error"]["code"] == "integer_below_min_value"
    response = http.get(path, params={"order": "random"})
    assert response.json()["error"]["code"] == "invalid_value"


def test_unknown_query_parameters_are_left_alone(http: httpx2.Client, ids: list[str]) -> None:
    response = http.get("/v1/assistants", params={"foo": "1", "include[]": "x", "limit": "1"})
    assert len(response.json()["data"]) == 1


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seconds=st.lists(st.integers(0, 3), max_size=25),
    limits=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    order=st.sampled_from(["asc", "desc"]),
    cursor=st.sampled_from(["after", "before"]),
)
def test_any_way_of_paging_shows_every_object_once(
    http: httpx2.Client,
    project: Project,
    seconds: list[int],
    limits: list[int],
    order: str,
    cursor: str,
) -> None:
    """However many were made in the same second, whatever the pages' sizes, forwards or back."""
    thread = threads.create(project)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    made = Message.objects.bulk_create(
        Message(thread=thread, role="user", created_at=moment + timedelta(seconds=second))
        for second in seconds
    )
    inserted = sorted(made, key=lambda message: (message.created_at, message.id))
    expected = [message.id for message in inserted]
    if order == "desc":
        expected.reverse()

    seen: list[str] = []
    query: dict[str, str] = {"order": order}
    if cursor == "before":
        # From the end to the beginning: the last object itself is what the reader begins with.
        if not expected:
            return
        seen, query["before"] = [expected[-1]], expected[-1]
    turn, more = 0, True
    while more:
        query["limit"] = str(limits[turn % len(limits)])
        page = http.get(f"/v1/threads/{thread.id}/messages", params=query).json()
        ids = [item["id"] for item in page["data"]]
        seen = seen + ids if cursor == "after" else ids + seen
        turn, more = turn + 1, page["has_more"]
        if ids:
            query[cursor] = ids[-1] if cursor == "after" else ids[0]
    assert seen == expected

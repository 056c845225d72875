"""Reading a thread of another Assistants server page by page: the thread, its messages, its runs,
and of each run the steps. Whoever goes on needs to know only what was written down after the last
page, so that a worker that dies costs one page, and no more than one is held.
"""

from dataclasses import dataclass
from typing import Final

from assistants.errors import Wire
from assistants.operations import upstream_calls
from assistants.operations.upstream_failures import nonsense, too_long
from assistants.operations.upstream_reading import Listed, Reader

MOST: Final = 100_000
"""Objects of one thread."""
MAX_BYTES: Final = 256 * 1024 * 1024
"""All that is told of one thread."""


@dataclass(frozen=True)
class Page:
    """Some objects of one noun, and where the next page begins: what is to be given to
    ``next_page``.
    """

    noun: str
    told: list[Wire]
    reading: Wire


def is_over(reading: Wire) -> bool:
    """Whether nothing is left to be read."""
    return reading.get("part") == "over"


def next_page(reader: Reader, thread_id: str, reading: Wire) -> Page:
    """
    :param reading: that of the page before; ``{}`` for the first
    :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
    """
    begun = reader.heard
    part, after = reading.get("part", "thread"), reading.get("after", "")
    count = reading.get("count", 0)
    label = reader.provider.label
    if part == "thread":
        told = reader.thread(thread_id)
        return Page("thread", [told], {"part": "messages", "bytes": reader.heard - begun})
    if part == "messages":
        page = reader.messages(thread_id, after)
        last = _last(label, page, after)
        following = {"part": "messages", "after": last} if last else {"part": "runs"}
    elif part == "runs":
        page = reader.runs(thread_id, after)
        last = _last(label, page, after)
        ids = [upstream_calls.checked_id(label, run.get("id")) for run in page.data]
        following = _steps(ids, last)
    else:
        run_ids, last_run = reading["runs"], reading["last_run"]
        page = reader.steps(thread_id, run_ids[0], after)
        last = _last(label, page, after)
        following = _steps(run_ids if last else run_ids[1:], last_run, last)
    count += len(page.data)
    size = reading.get("bytes", 0) + reader.heard - begun
    if count > MOST or size > MAX_BYTES:
        raise too_long(label, MAX_BYTES // 2**20, MOST)
    noun = {"messages": "message", "runs": "run", "steps": "run step"}[part]
    return Page(noun, page.data, following | {"count": count, "bytes": size})


def _steps(run_ids: list[str], last_run: str, after: str = "") -> Wire:
    """The next page is one of the steps of these runs; without any, of the runs after the last."""
    if run_ids:
        return {"part": "steps", "runs": run_ids, "last_run": last_run, "after": after}
    return {"part": "runs", "after": last_run} if last_run else {"part": "over"}


def _last(label: str, page: Listed, after: str) -> str:
    """The id of the last object of a page after which there are more; empty where there are none.

    :raises UpstreamError: the list goes in circles
    """
    if not page.has_more or not page.data:
        return ""
    last = upstream_calls.checked_id(label, page.data[-1].get("id"))
    if last == after:
        raise nonsense(label, "a list without an end")
    return last

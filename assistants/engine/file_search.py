"""File search for a run: what the model is offered, what it hears of the results, and what it may
cite.
"""

import asyncio
import json
from collections.abc import Collection, Iterable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q

from assistants.engine.markers import BEGINNING, Source, defused
from assistants.engine.writer import Database, ToolStepWriter
from assistants.errors import Wire
from assistants.models import File, FileStatus, Run, RunStep, VectorStore, VectorStoreFile, clock
from assistants.operations import embedding_model, reranking
from assistants.operations.query_meaning import Asked
from assistants.operations.search import Found, ask, search
from assistants.text import storable_json
from assistants.tokens import estimate, reach

TOOL: Final = "file_search"
PARAMETER: Final = "queries"

MAX_RESULTS: Final = 20
"""So many passages a search finds when the tool names no number."""
MAX_QUERIES: Final = 10
MAX_FILES_NAMED: Final = 50
MAX_UNREAD_NAMED: Final = 20

RESULT_TOKENS: Final = 16_000
"""About so much of what a search has found is shown to the model."""
EARLIER_RESULT_TOKENS: Final = 4_000
"""And so much of what a search of an earlier run has found."""

SEARCHES_REMEMBERED: Final = 50
"""What older steps of the thread have found cannot be cited any more."""

WAIT_SECONDS: Final = 60.0
"""A run waits so long for files that are still being read into its thread's store."""
JUST_ADDED: Final = timedelta(seconds=10)
"""And as long as this for those that were added to another of its stores: programs create a store,
an assistant for it and a run without a pause.
"""
LOOK_SECONDS: Final = 0.25
"""It looks again after so long, then after twice as long each time, up to the most."""
MOST_LOOK_SECONDS: Final = 2.0

SEARCHABLE: Final = f"Files you can search with {TOOL}:"
UNREAD: Final = "Files that you cannot search. When the user means one of them, say so, and why:"

CITING: Final = (
    "Each passage begins with its marker, such as 【4:0†name.txt】. After every statement that you "
    "take from a passage, copy the marker of that passage exactly as it stands. Write no markers "
    "other than those."
)
DESCRIPTION: Final = (
    "Searches the files that the user has given and returns the passages that fit best. Use it "
    f"whenever the answer may stand in those files, before you answer. {CITING}"
)


def tool() -> Wire:
    """File search, described as a function to a chat model."""
    return {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": DESCRIPTION,
            "parameters": {
                "type": "object",
                "properties": {
                    PARAMETER: {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "What to look for, in words that the files may use. One "
                        "query for each thing that you want to know. Each stands by itself: name "
                        "what the conversation only points at, such as it, that year or the same.",
                    }
                },
                "required": [PARAMETER],
            },
        },
    }


def listing(run: Run) -> str:
    """What the model is told of the files that it can search, and of those that it cannot: a person
    who has attached one must not be answered as if it were not there. Empty when there are none.
    """
    files = VectorStoreFile.objects.filter(
        vector_store__in=run.vector_store_ids, vector_store__project=run.thread.project_id
    ).order_by("-pk")
    names = files.filter(status=FileStatus.COMPLETED).values_list("file__filename", flat=True)
    unread = files.exclude(status=FileStatus.COMPLETED).select_related("file")
    lists = [
        _list(SEARCHABLE, list(names[: MAX_FILES_NAMED + 1]), MAX_FILES_NAMED),
        _list(UNREAD, map(_unread, unread[: MAX_UNREAD_NAMED + 1]), MAX_UNREAD_NAMED),
    ]
    return "\n\n".join(one for one in lists if one)


def _list(heading: str, names: Iterable[str], most: int) -> str:
    told = [name_told(name) for name in names]
    if not told:
        return ""
    lines = [f"- {name}" for name in dict.fromkeys(told[:most])]
    return "\n".join([heading, *lines, *(["- and more"] if len(told) > most else [])])


def _unread(file: VectorStoreFile) -> str:
    """The file's name and why it cannot be searched."""
    why = "It is still being read."
    if file.status != FileStatus.IN_PROGRESS:
        why = (file.last_error or {}).get("message") or "Reading it was cancelled."
    return f"{file.file.filename}: {why}"


def cites(run: Run) -> bool:
    """Whether markers in what the run's model says become citations."""
    if run.has_tool(TOOL):
        return True
    steps = RunStep.objects.filter(run__thread=run.thread_id, type="tool_calls")
    return steps.exclude(searches={}).exists()


def check_stores(run: Run) -> None:
    """
    :raises Invalid: one of the run's vector stores has expired
    """
    stores = VectorStore.objects.in_project(run.thread.project)
    for store in stores.filter(pk__in=run.vector_store_ids):
        store.check_not_expired()


def result_tokens(run: Run, *, earlier: bool = False) -> int:
    """About how much of what a search has found the model is told in this run.

    :param earlier: whether an earlier run of the thread has searched
    """
    most = EARLIER_RESULT_TOKENS if earlier else RESULT_TOKENS
    return min(most, run.max_prompt_tokens // 2) if run.max_prompt_tokens else most


def gone(run: Run, calls: Iterable[Wire]) -> frozenset[str]:
    """Ids of the files that these calls have found and that were deleted since: what stood in them
    is neither told nor cited any more.
    """
    found = {
        result["file_id"]
        for call in calls
        if call["type"] == TOOL
        for result in call[TOOL]["results"]
    }
    if not found:
        return frozenset()
    there = File.objects.in_project(run.thread.project).filter(pk__in=found)
    return frozenset(found - set(there.values_list("pk", flat=True)))


def told(call: Wire, searched: Wire, *, tokens: int, gone: Collection[str] = frozenset()) -> str:
    """What a model hears of a search: its passages with their markers, in the order of
    ``search``.

    :param call: the call as in a run step
    :param searched: what else is kept of it (``RunStep.searches``)
    :param tokens: what does not fit into about so many is left out; the first passage is cut
    :param gone: ids of files that were deleted since
    """
    parts: list[str] = []
    beginnings = searched.get("beginnings", ())
    for source, result in zip(sources(call, searched), call["file_search"]["results"], strict=True):
        if source.file_id in gone:
            continue
        page = searched["pages"].get(str(source.place))
        name = "slide" if source.filename.lower().endswith(".pptx") else "page"
        facts = [
            name_told(source.filename),
            *([f"{name} {page}"] if page else []),
            BEGINNING if source.place in beginnings else f"{result['score']:.2f}",
        ]
        part = f"{source.marker} ({', '.join(facts)})\n{defused(source.text)}"
        size = estimate(part)
        if size > tokens and not parts:
            part = part[: reach(part, tokens)]
        elif size > tokens:
            break
        tokens -= size
        parts.append(part)
    return "\n\n".join(parts) or "Nothing was found."


def name_told(filename: str) -> str:
    """A file's name as models hear it: in one line, without markers."""
    return defused(" ".join(filename.split()))


def sources(call: Wire, searched: Wire) -> list[Source]:
    """What may be cited of a search, in the order of its results."""
    starts = searched.get("starts", {})
    return [
        Source(
            searched["number"],
            place,
            result["file_id"],
            result["file_name"],
            result["content"][0]["text"],
            searched["pages"].get(str(place)),
            starts.get(str(place)),
        )
        for place, result in enumerate(call["file_search"]["results"])
    ]


def arguments(searched: Wire) -> str:
    """The arguments of a call as the model wrote them, or might have."""
    asked = [defused(query) for query in searched["queries"]]
    return json.dumps({PARAMETER: asked}, ensure_ascii=False)


def queries(given: str) -> list[str]:
    """The queries in a model's arguments. Some models send one text, or name it ``query``."""
    try:
        parsed: Any = json.loads(storable_json(given))
    except ValueError:
        parsed = given
    if isinstance(parsed, dict):
        parsed = parsed.get(PARAMETER) or parsed.get("query") or []
    found = parsed if isinstance(parsed, list) else [parsed]
    texts = [text.strip() for text in found if isinstance(text, str)]
    return list(dict.fromkeys(text for text in texts if text))[:MAX_QUERIES]


class FileSearch:
    """Searches the files of one run."""

    def __init__(self, run: Run, database: Database) -> None:
        self._run = run
        self._database = database
        self._searches: dict[str, Wire] = {}
        self.sources: dict[tuple[int, int], Source] = {}
        """What the model may cite: all that was found in this run and in the thread before."""

    @property
    def offered(self) -> bool:
        return self._run.has_tool(TOOL)

    @property
    def ranking_options(self) -> Wire:
        """As a run step shows them."""
        options = self._options["ranking_options"]
        return {name: options[name] for name in ("ranker", "score_threshold")}

    @property
    def _options(self) -> Wire:
        found: Wire = next(tool["file_search"] for tool in self._run.tools if tool["type"] == TOOL)
        return found

    def remember(self) -> None:
        """Take in what was found in the thread before.

        :raises Invalid: one of the run's vector stores has expired
        """
        if self.offered:
            check_stores(self._run)
        steps = RunStep.objects.filter(run__thread=self._run.thread_id, type="tool_calls")
        newest = steps.exclude(searches={}).newest_first()[:SEARCHES_REMEMBERED]
        searches = [
            (call, searched)
            for step in newest
            for call in step.step_details["tool_calls"]
            if (searched := step.searches.get(call["id"]))
        ]
        deleted = gone(self._run, (call for call, _ in searches))
        for call, searched in searches:
            self._add(call, searched, deleted)

    async def ready(self) -> None:
        """Wait for the files that may have come with the last message, or just before."""
        if not self.offered:
            return
        pause = LOOK_SECONDS
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while await self._database(self._is_being_read):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, MOST_LOOK_SECONDS)
        except TimeoutError:
            # The run goes on with what is there.
            return

    def _is_being_read(self) -> bool:
        of_thread = Q(vector_store__in=self._run.thread.vector_store_ids)
        new = Q(created_at__gt=clock.now() - JUST_ADDED)
        files = VectorStoreFile.objects.filter(
            vector_store__project=self._run.thread.project_id,
            vector_store__in=self._run.vector_store_ids,
            status=FileStatus.IN_PROGRESS,
        )
        return files.filter(of_thread | new).exists()

    async def call(self, writer: ToolStepWriter, place: int, given: str, position: int) -> str:
        """Search for the queries of a call, write what was found to its step, and return what the
        model hears of it.

        :param position: that of the result among the messages that the model sees, from 1
        :raises Invalid: a vector store has expired
        """
        wanted = queries(given)
        if not wanted:
            return f"Nothing was searched: {TOOL} needs {PARAMETER}, a list of texts."
        found = await self._find(wanted)
        writer.results(place, [_result(one) for one in found])
        call = writer.calls[place]
        searched = {
            # Greater than any before, so that a marker means one passage in the whole thread.
            "number": max([position, *(number + 1 for number, _ in self.sources)]),
            "queries": wanted,
            "pages": {str(at): one.page for at, one in enumerate(found) if one.page},
            "starts": {str(at): one.start for at, one in enumerate(found)},
            "beginnings": [at for at, one in enumerate(found) if one.is_beginning],
        }
        self._searches[call["id"]] = searched
        self._add(call, searched)
        return told(call, searched, tokens=result_tokens(self._run))

    async def _find(self, wanted: list[str]) -> list[Found]:
        """What the queries find, in the order of ``search``. Who is asked about it is waited for
        here, not in the few threads that the database has.
        """
        asked = await self._ask(wanted)
        reranker = await self._database(reranking.configured, self._run.thread.project)
        depth = reranking.depth(reranker, self._limit)
        found = await self._database(self._search, wanted, asked, depth)
        pending = reranking.begin(reranker, wanted, found)
        if pending is not None:
            await wait(pending.future, pending.seconds_left)
        return reranking.ordered(found, pending)[: self._limit]

    async def _ask(self, wanted: list[str]) -> Asked | None:
        """Have the embedding model asked what the queries mean, and wait for it."""
        if embedding_model.configured() is None:
            return None
        asked = await self._database(ask, self._run.vector_store_ids, wanted)
        if asked is not None:
            await wait(asked.future, asked.seconds_left)
        return asked

    def of(self, calls: Iterable[Wire]) -> dict[str, Wire]:
        """What is kept of the searches among these calls, by the calls' ids."""
        ids = [call["id"] for call in calls]
        return {call_id: self._searches[call_id] for call_id in ids if call_id in self._searches}

    @property
    def _limit(self) -> int:
        """How many passages the tool may find."""
        return int(self._options.get("max_num_results") or MAX_RESULTS)

    def _search(self, wanted: list[str], asked: Asked | None, depth: int) -> list[Found]:
        return search(
            self._run.thread.project,
            self._run.vector_store_ids,
            wanted,
            limit=depth,
            threshold=self.ranking_options["score_threshold"],
            asked=asked,
        )

    def _add(self, call: Wire, searched: Wire, deleted: Collection[str] = frozenset()) -> None:
        for source in sources(call, searched):
            if source.file_id not in deleted:
                self.sources[source.number, source.place] = source


async def wait(future: "Future[Any]", seconds: float) -> None:
    """Wait for the outcome of a thread, but no longer than this, and not in one of the few threads
    that the database has.
    """
    await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)


def _result(found: Found) -> Wire:
    return {
        "file_id": found.file_id,
        "file_name": found.filename,
        "score": found.score,
        "attributes": found.attributes,
        "content": [{"type": "text", "text": found.text}],
    }

"""Finding passages in vector stores."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError

from assistants.errors import Wire
from assistants.models import Chunk, FileStatus, Project, VectorStore, VectorStoreFile, clock
from assistants.operations import attribute_filters, beginnings, embedding_model, query_meaning
from assistants.operations.indexes import keyword_index, vector_index
from assistants.operations.query_meaning import Asked
from assistants.retrieval import fusion
from assistants.retrieval.index import Hit

logger = logging.getLogger(__name__)

TOUCHED_EVERY = timedelta(seconds=1)
"""``last_active_at`` is shown in whole seconds, so it need not be written more often."""

MAX_ASKED = 10_000
"""Of the index, at once: SQLite takes 32,766 parameters in a query."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, and where.

    ``score`` is between 0 and 1. ``start`` and ``end`` count code points of the text that was read
    from the file, half open; ``page`` is the page or slide, from 1. ``folder`` is where the file
    lay in the folder that it came with. ``is_beginning`` says that it is there because the document
    was asked for as a whole; then the score may be 0.
    """

    file_id: str
    filename: str
    score: float
    attributes: Wire
    text: str
    start: int
    end: int
    page: int | None
    vector_store_id: str
    folder: str = ""
    is_beginning: bool = False


def search(
    project: Project,
    store_ids: Sequence[str],
    queries: Sequence[str],
    *,
    limit: int = 10,
    filters: Wire | None = None,
    threshold: float = 0.0,
    asked: Asked | None = None,
) -> list[Found]:
    """The passages of these stores that answer the queries best, the best first. For queries that
    ask for documents as a whole also how these begin (``beginnings``), in the order of the text:
    before the others when nothing else is asked for, else after them, whatever their scores.

    Ids of stores that are gone are passed over. Files that are not completed, or were taken out,
    are never found.

    :param store_ids: the nearest last: an assistant's, then the thread's
    :param filters: a condition on the attributes of files, in the API's form, checked
    :param threshold: no passage with a lower score
    :param asked: what ``ask`` returned for these stores and queries; without, this asks
    :raises Invalid: one of the stores has expired
    """
    stores = list(VectorStore.objects.in_project(project).filter(pk__in=store_ids))
    for store in stores:
        store.check_not_expired()
    _touch(stores)
    there = {store.pk for store in stores}
    within = [pk for pk in dict.fromkeys(store_ids) if pk in there]
    files = None if filters is None else _matching(within, filters)
    if not within or files == set():
        return []
    asked = asked or ask(within, queries)
    hits = _best(within, queries, limit, files, threshold, asked)
    if not hits and threshold > 0:
        return []  # How documents begin would have the score 0.
    begun = beginnings.asked_for(within, queries, limit, files)
    if not hits and begun is None:
        begun = beginnings.named(within, queries, limit, files)
    if begun is None:
        return _found(hits)
    return _found(*begun.among(hits, limit, threshold))


def _best(
    within: list[str],
    queries: Sequence[str],
    limit: int,
    files: set[int] | None,
    threshold: float,
    asked: Asked | None,
) -> list[Hit]:
    """The best hits that are still there."""
    wanted = limit
    while True:
        hits = _hits(within, queries, wanted, files, asked)
        alive = _alive([hit for hit in hits if hit.score >= threshold])
        # Entries of what was just taken out are no hits: others may have to fill their places.
        enough = len(alive) >= limit or len(hits) < wanted or wanted >= MAX_ASKED
        if enough or hits[-1].score < threshold:
            return alive[:limit]
        wanted = min(wanted * 4, MAX_ASKED)


def ask(store_ids: Sequence[str], queries: Sequence[str]) -> Asked | None:
    """Begin to ask the embedding model what queries mean, and return at once. None when there is
    none, or no vector of it in these stores.
    """
    model = embedding_model.configured()
    if model is None:
        return None
    index = vector_index()
    if not any(index.holds(store_id, model.label) for store_id in store_ids):
        return None
    return query_meaning.begin(model, queries)


def _hits(
    store_ids: list[str],
    queries: Sequence[str],
    limit: int,
    files: set[int] | None,
    asked: Asked | None,
) -> list[Hit]:
    """By words, and by meaning where the embedding model was asked and answers in time."""
    words = keyword_index()
    if asked is None:
        return words.search(store_ids, queries, limit, files)
    try:
        return fusion.search(words, vector_index(), store_ids, queries, limit, files, asked.result)
    except (OSError, ValueError, DatabaseError):
        logger.exception("the vectors cannot be searched")
        return words.search(store_ids, queries, limit, files)


def _matching(store_ids: list[str], filters: Wire) -> set[int]:
    """The files whose attributes meet the condition."""
    test = attribute_filters.test_of(filters)
    rows = VectorStoreFile.objects.filter(
        vector_store__in=store_ids, status=FileStatus.COMPLETED
    ).values_list("pk", "attributes")
    return {number for number, attributes in rows if test(attributes)}


def _alive(hits: list[Hit]) -> list[Hit]:
    """Those whose chunks are there and belong to completed files."""
    chunks = Chunk.objects.filter(
        pk__in=[hit.chunk for hit in hits], store_file__status=FileStatus.COMPLETED
    )
    alive = set(chunks.values_list("pk", flat=True))
    return [hit for hit in hits if hit.chunk in alive]


def _found(hits: list[Hit], begun: Collection[Hit] = ()) -> list[Found]:
    chunks = {
        chunk.pk: chunk
        for chunk in Chunk.objects.filter(
            pk__in=[hit.chunk for hit in hits], store_file__status=FileStatus.COMPLETED
        ).select_related("store_file__file")
    }
    return [
        Found(
            file_id=chunk.store_file.file_id,
            filename=chunk.store_file.file.filename,
            score=hit.score,
            attributes=chunk.store_file.attributes,
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            page=chunk.page,
            vector_store_id=chunk.store_file.vector_store_id,
            folder=chunk.store_file.file.folder,
            is_beginning=hit in begun,
        )
        for hit in hits
        if (chunk := chunks.get(hit.chunk))
    ]


def _touch(stores: list[VectorStore]) -> None:
    now = clock.now()
    due = [store.pk for store in stores if now - store.last_active_at > TOUCHED_EVERY]
    if due:
        VectorStore.objects.filter(pk__in=due).update(last_active_at=now)

"""A whole search, for who waits for it: other words for the queries, what is found, its order."""

from collections.abc import Sequence
from typing import Final

from assistants.errors import Wire
from assistants.models import Project
from assistants.operations import query_rewriting, reranking
from assistants.operations import search as searching
from assistants.operations.search import Found

NOT_RANKED: Final = "none"
"""The API's word for a search whose order nobody looks at again."""


def search(
    project: Project,
    store_ids: Sequence[str],
    queries: Sequence[str],
    *,
    limit: int = 10,
    filters: Wire | None = None,
    threshold: float = 0.0,
    ranker: str = "auto",
) -> list[Found]:
    """As ``operations.search.search``, with its passages put in order by the reranker if there is
    one.

    :param ranker: ``none`` for the search's own order
    :raises Invalid: one of the stores has expired
    """
    reranker = None if ranker == NOT_RANKED else reranking.configured(project)
    found = searching.search(
        project,
        store_ids,
        queries,
        limit=reranking.depth(reranker, limit),
        filters=filters,
        threshold=threshold,
    )
    return reranking.ordered(found, reranking.begin(reranker, queries, found))[:limit]


def rewritten(project: Project, queries: Sequence[str]) -> list[str]:
    """The queries, and other words for them where a chat model can write some."""
    return query_rewriting.together(queries, query_rewriting.begin(project, queries))

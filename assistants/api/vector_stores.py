"""``/vector_stores``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api.objects import SearchResults, VectorStoreDeleted, VectorStorePage, answers
from assistants.api.objects import VectorStore as VectorStoreObject
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import VectorStore
from assistants.operations import ranked_search, vector_stores
from assistants.params import ListParams, VectorStoreCreate, VectorStoreSearch, VectorStoreUpdate

router = Router(tags=["Vector stores"])

POLL_AFTER_MS = 100
"""How soon a client that polls is told to ask again for files that are not done yet."""


def find(request: ApiRequest, vector_store_id: str) -> VectorStore:
    return VectorStore.objects.in_project(request.project).fetch(vector_store_id)


@router.post("", response=answers(VectorStoreObject))
def create_vector_store(
    request: ApiRequest, params: VectorStoreCreate | None = None
) -> HttpResponse:
    """Create a vector store, with its first files if any are given."""
    return reply(request, vector_stores.create(request.project, params or VectorStoreCreate()))


@router.get("", response=answers(VectorStorePage))
def list_vector_stores(request: ApiRequest, params: Query[ListParams]) -> HttpResponse:
    """The project's vector stores, the newest first unless ``order`` says otherwise."""
    return reply_page(request, VectorStore.objects.in_project(request.project), params)


@router.get("/{vector_store_id}", response=answers(VectorStoreObject))
def get_vector_store(request: ApiRequest, vector_store_id: str) -> HttpResponse:
    """One vector store."""
    return reply(request, find(request, vector_store_id))


@router.post("/{vector_store_id}", response=answers(VectorStoreObject))
def modify_vector_store(
    request: ApiRequest, vector_store_id: str, params: VectorStoreUpdate | None = None
) -> HttpResponse:
    """Change the named fields; null clears one, ``metadata`` replaces the whole map."""
    store = find(request, vector_store_id)
    return reply(request, vector_stores.update(store, params or VectorStoreUpdate()))


@router.delete("/{vector_store_id}", response=answers(VectorStoreDeleted))
def delete_vector_store(request: ApiRequest, vector_store_id: str) -> HttpResponse:
    """Delete a vector store. The files in it stay."""
    store = find(request, vector_store_id)
    deleted = vector_stores.deleted(store)
    vector_stores.delete(store)
    return json_response(deleted)


@router.post("/{vector_store_id}/search", response=answers(SearchResults))
def search_vector_store(
    request: ApiRequest, vector_store_id: str, params: VectorStoreSearch
) -> HttpResponse:
    """Find the passages that answer one query or several, the best first; for one that asks for
    documents as a whole, how these begin comes before. ``filters`` are conditions on the
    attributes of files. With ``rewrite_query`` a chat model adds other words for the queries, if
    there is one; ``ranking_options.ranker`` ``none`` leaves out the reranker.
    """
    store = find(request, vector_store_id)
    queries = params.queries
    if params.rewrite_query:
        queries = ranked_search.rewritten(request.project, queries)
    found = ranked_search.search(
        request.project,
        [store.id],
        queries,
        limit=params.max_num_results,
        filters=params.filters.model_dump() if params.filters else None,
        threshold=params.ranking_options.score_threshold,
        ranker=params.ranking_options.ranker,
    )
    return json_response(
        {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            "data": [
                {
                    "file_id": passage.file_id,
                    "filename": passage.filename,
                    "score": passage.score,
                    "attributes": passage.attributes,
                    "content": [{"type": "text", "text": passage.text}],
                }
                for passage in found
            ],
            "has_more": False,
            "next_page": None,
        }
    )

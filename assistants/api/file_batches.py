"""``/vector_stores/{vector_store_id}/file_batches``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants.api import vector_stores
from assistants.api.objects import FileBatch as FileBatchObject
from assistants.api.objects import VectorStoreFilePage, answers
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import FileBatch
from assistants.operations import file_batches
from assistants.params import FileBatchCreate, VectorStoreFileListParams

router = Router(tags=["Vector store file batches"])

BATCHES = "/vector_stores/{vector_store_id}/file_batches"


def find(request: ApiRequest, vector_store_id: str, batch_id: str) -> FileBatch:
    return vector_stores.find(request, vector_store_id).file_batches.fetch(batch_id, "batch_id")


@router.post(BATCHES, response=answers(FileBatchObject))
def create_file_batch(
    request: ApiRequest, vector_store_id: str, params: FileBatchCreate | None = None
) -> HttpResponse:
    """Add up to 2000 files to the store: ``file_ids`` that share their attributes and chunking, or
    ``files`` with their own.
    """
    store = vector_stores.find(request, vector_store_id)
    return reply(request, file_batches.create(store, params or FileBatchCreate()))


@router.get(BATCHES + "/{batch_id}", response=answers(FileBatchObject))
def get_file_batch(request: ApiRequest, vector_store_id: str, batch_id: str) -> HttpResponse:
    """One batch. While files of it are in progress, the header ``openai-poll-after-ms`` says when
    to ask again.
    """
    wire = find(request, vector_store_id, batch_id).to_dict()
    response = json_response(wire)
    if wire["file_counts"]["in_progress"]:
        response["openai-poll-after-ms"] = str(vector_stores.POLL_AFTER_MS)
    return response


@router.post(BATCHES + "/{batch_id}/cancel", response=answers(FileBatchObject))
def cancel_file_batch(request: ApiRequest, vector_store_id: str, batch_id: str) -> HttpResponse:
    """Ingest no more files of the batch. Those that are done stay in the store."""
    return reply(request, file_batches.cancel(find(request, vector_store_id, batch_id)))


@router.get(BATCHES + "/{batch_id}/files", response=answers(VectorStoreFilePage))
def list_files_in_file_batch(
    request: ApiRequest,
    vector_store_id: str,
    batch_id: str,
    params: Query[VectorStoreFileListParams],
) -> HttpResponse:
    """The files of a batch, the newest first unless ``order`` says otherwise; those of one status
    with ``filter``.
    """
    found = find(request, vector_store_id, batch_id).files.all()
    if params.filter:
        found = found.filter(status=params.filter)
    return reply_page(request, found, params)

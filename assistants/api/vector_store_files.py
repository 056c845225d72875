"""``/vector_stores/{vector_store_id}/files``"""

from django.http import HttpResponse
from ninja import Query, Router

from assistants import refusals
from assistants.api import vector_stores
from assistants.api.objects import (
    FileContent,
    VectorStoreFileDeleted,
    VectorStoreFilePage,
    answers,
)
from assistants.api.objects import VectorStoreFile as VectorStoreFileObject
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import FileStatus, VectorStoreFile
from assistants.operations import vector_store_files
from assistants.params import (
    VectorStoreFileCreate,
    VectorStoreFileListParams,
    VectorStoreFileUpdate,
)

router = Router(tags=["Vector store files"])

FILES = "/vector_stores/{vector_store_id}/files"


def find(request: ApiRequest, vector_store_id: str, file_id: str) -> VectorStoreFile:
    """
    :raises NotFound: the store is not there, or does not have the file, in the service's words
    """
    row = vector_stores.find(request, vector_store_id).files.filter(file=file_id).first()
    if row is None:
        raise refusals.FILE_NOT_IN_STORE(file_id=file_id, vector_store_id=vector_store_id)
    return row


@router.post(FILES, response=answers(VectorStoreFileObject))
def create_vector_store_file(
    request: ApiRequest, vector_store_id: str, params: VectorStoreFileCreate
) -> HttpResponse:
    """Add a file to the store. It is ``in_progress`` until it can be searched."""
    store = vector_stores.find(request, vector_store_id)
    return reply(request, vector_store_files.create(store, params))


@router.get(FILES, response=answers(VectorStoreFilePage))
def list_vector_store_files(
    request: ApiRequest, vector_store_id: str, params: Query[VectorStoreFileListParams]
) -> HttpResponse:
    """The store's files, the newest first unless ``order`` says otherwise; those of one status with
    ``filter``.
    """
    found = vector_stores.find(request, vector_store_id).files.all()
    if params.filter:
        found = found.filter(status=params.filter)
    return reply_page(request, found, params)


@router.get(FILES + "/{file_id}", response=answers(VectorStoreFileObject))
def get_vector_store_file(request: ApiRequest, vector_store_id: str, file_id: str) -> HttpResponse:
    """One file of the store. While it is ``in_progress``, the header ``openai-poll-after-ms`` says
    when to ask again.
    """
    row = find(request, vector_store_id, file_id)
    response = reply(request, row)
    if row.status == FileStatus.IN_PROGRESS:
        response["openai-poll-after-ms"] = str(vector_stores.POLL_AFTER_MS)
    return response


@router.post(FILES + "/{file_id}", response=answers(VectorStoreFileObject))
def modify_vector_store_file(
    request: ApiRequest, vector_store_id: str, file_id: str, params: VectorStoreFileUpdate
) -> HttpResponse:
    """Replace the attributes of a file in the store."""
    row = find(request, vector_store_id, file_id)
    return reply(request, vector_store_files.update(row, params))


@router.delete(FILES + "/{file_id}", response=answers(VectorStoreFileDeleted))
def delete_vector_store_file(
    request: ApiRequest, vector_store_id: str, file_id: str
) -> HttpResponse:
    """Take a file out of the store; the file itself stays."""
    row = find(request, vector_store_id, file_id)
    vector_store_files.delete(row)
    return json_response(vector_store_files.deleted(row))


@router.get(FILES + "/{file_id}/content", response=answers(FileContent))
def get_vector_store_file_content(
    request: ApiRequest, vector_store_id: str, file_id: str
) -> HttpResponse:
    """The text that was read from a file. There is none before the file is ``completed``."""
    row = find(request, vector_store_id, file_id)
    text = vector_store_files.text(row) if row.status == FileStatus.COMPLETED else None
    return json_response(
        {
            "object": "vector_store.file_content.page",
            "data": [] if text is None else [{"type": "text", "text": text}],
            "has_more": False,
            "next_page": None,
        }
    )

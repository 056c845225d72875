"""``/files``"""

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import File as FileParam
from ninja import Form, Query, Router
from ninja.files import UploadedFile

from assistants import refusals
from assistants.api.content_types import content_type
from assistants.api.objects import File as FileObject
from assistants.api.objects import FileDeleted, FilePage, UploadRefused, answers
from assistants.api.replies import json_response, reply, reply_page
from assistants.api.request import ApiRequest
from assistants.models import File
from assistants.operations import file_types, files
from assistants.params import FileListParams, FileUpload

router = Router(tags=["Files"])


def find(request: ApiRequest, file_id: str) -> File:
    """The file. Its ids have had several forms over the years, so a strange one is unknown, not
    invalid.

    :raises NotFound: there is no such file
    """
    file = File.objects.in_project(request.project).filter(pk=file_id).first()
    if file is None:
        raise refusals.not_found("file", file_id)
    return file


@router.post("", response=answers(FileObject, UploadRefused))
def create_file(
    request: ApiRequest,
    params: Form[FileUpload],
    file: FileParam[UploadedFile],
) -> HttpResponse:
    """Upload a file of up to 512 MB."""
    known = {field.alias or name for name, field in FileUpload.model_fields.items()}
    for name in request.POST:
        if name not in known:
            # Ninja looks at the fields that it knows only.
            raise refusals.UNKNOWN(path=name)
    files.check_purpose(params.purpose)
    stored = files.create(
        request.project,
        file,
        filename=files.name_in_form(file.name or ""),
        purpose=params.purpose,
        expires_after=params.expires_after(),
    )
    return reply(request, stored)


@router.get("", response=answers(FilePage))
def list_files(request: ApiRequest, params: Query[FileListParams]) -> HttpResponse:
    """The project's files, the newest first unless ``order`` says otherwise."""
    found = File.objects.in_project(request.project)
    if params.purpose:
        found = found.filter(purpose=params.purpose)
    return reply_page(request, found, params)


@router.get("/{file_id}", response=answers(FileObject))
def get_file(request: ApiRequest, file_id: str) -> HttpResponse:
    """What is known of a file."""
    return reply(request, find(request, file_id))


@router.delete("/{file_id}", response=answers(FileDeleted))
def delete_file(request: ApiRequest, file_id: str) -> HttpResponse:
    """Delete a file, for good."""
    files.delete(find(request, file_id))
    return json_response({"id": file_id, "object": "file", "deleted": True})


@router.get(
    "/{file_id}/content",
    openapi_extra={
        "responses": {
            200: {
                "description": "The bytes",
                "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
            }
        }
    },
)
def get_file_content(request: ApiRequest, file_id: str) -> StreamingHttpResponse:
    """A file's bytes. They come as a download that no browser will take for a page."""
    file = find(request, file_id)
    if not request.dialect.azure:  # which hands out every file
        file_types.check_download(file)
    return StreamingHttpResponse(
        files.pieces(file),
        headers={
            "Content-Type": content_type(file.filename),
            "Content-Length": str(file.bytes),
            "Content-Disposition": content_disposition_header(True, file.filename) or "attachment",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )

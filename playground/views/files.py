"""Stored files, as bytes."""

import mimetypes

from django.http import FileResponse
from django.views.decorators.http import require_safe

from assistants.operations import files
from playground import access

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser may take for an image. SVG is not among them: it can carry a script."""


@access.signed_in
@require_safe
def content(request: access.Request, file_id: str) -> FileResponse:
    """The bytes, always as a download: nothing that was uploaded or made opens as a page of ours.

    An ``img`` element shows an image all the same.
    """
    file = access.file(request, file_id)
    guessed = mimetypes.guess_type(file.filename)[0]
    return FileResponse(
        files.open_content(file),
        as_attachment=True,
        filename=file.filename,
        content_type=guessed if guessed in IMAGES else "application/octet-stream",
        headers={
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600, immutable",
        },
    )

"""What the web server runs: ``uvicorn playground.asgi:application``.

Around Django stands the application that writes event streams, so that an open stream costs no
thread, and around that the limit on a request's size.
"""

import asyncio
import gc
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import IO, Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from typing_extensions import override

from assistants.events.sse import Streams
from playground.body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

# whitenoise hands out a file as an ordinary iterator, which Django reads in a thread (see
# docs/decisions/static-files.md).
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")


class Handler(ASGIHandler):
    """Django's, with two things mended.

    It takes an upload in chunks, whose length nobody announces, for an empty one. By the time a
    request is made its body has come, so its length is known.

    When a client has left it closes the body under a view that still reads it, and leaves open what
    the view has made of it: files of which nobody knows stay on the disk.
    """

    @override
    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        if not any(name == b"content-length" for name, _ in scope["headers"]):
            length = body_file.seek(0, os.SEEK_END)
            body_file.seek(0)
            headers = [*scope["headers"], (b"content-length", str(length).encode())]
            scope = {**scope, "headers": headers}
        return super().create_request(scope, body_file)

    @override
    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        answering = asyncio.ensure_future(super().run_get_response(request))
        try:
            return await asyncio.shield(answering)
        except asyncio.CancelledError:
            # Django tells of the request's end, as it knows of no response.
            with suppress(Exception):
                response = await answering
                await sync_to_async(response.close)()
            raise


django.setup(set_prefix=False)
application = BodyLimit(
    Streams(Handler()),
    max_bytes=settings.MAX_BODY_BYTES,
    max_upload_bytes=settings.MAX_UPLOAD_BYTES,
    session_cookie=settings.SESSION_COOKIE_NAME,
)


def _get_ready() -> None:
    # Only now: the models, which it knows, want Django to be set up.
    from playground.warm_up import warm_up

    warm_up()
    # What is there by now stays. Looking through it for garbage stopped all streams for as long as
    # a word may be late.
    gc.collect()
    gc.freeze()


Thread(target=_get_ready, name="warm-up", daemon=True).start()

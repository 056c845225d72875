"""Reading what another Assistants server has, object by object, to bring it here."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Annotated, Any, BinaryIO, Final, cast

import httpx2
import openai
from annotated_types import MaxLen
from django.conf import settings
from pydantic import RootModel

from assistants.errors import Wire
from assistants.operations import provider_client, upstream_calls
from assistants.operations import upstream_shapes as shapes
from assistants.operations.providers import Provider
from assistants.operations.upstream_failures import failure, late, nonsense

MOST: Final = 100_000
"""Objects of one list."""
MAX_LIST: Final = 256 * 1024 * 1024
"""Bytes of one list."""
LIST_SECONDS: Final = 600.0
"""How long all pages of a list may take."""
MAX_FILE: Final = 512 * 1024 * 1024
FILE_SECONDS: Final = 600.0
SECONDS: Final = 30.0
PAGE = 100
"""Objects of one page, the most that the API gives."""


class Whole(RootModel[Wire]):
    """An object with all that was told of it. Who keeps it checks it."""


class Listed(shapes.Shape):
    data: Annotated[list[Wire], MaxLen(1000)]
    has_more: bool = False


class Reader:
    """One server.

    :param beat: is called again and again while something is heard; what it raises ends the reading
    """

    def __init__(self, provider: Provider, beat: Callable[[], None] = lambda: None) -> None:
        self.provider = provider
        self.beat = beat
        self.heard = 0
        """Bytes, of all answers so far."""
        self._client = provider_client.client(provider).with_options(timeout=SECONDS)

    def assistants(self) -> list[Wire]:
        return self._all(self._client.beta.assistants)

    def vector_stores(self) -> list[Wire]:
        return self._all(self._client.vector_stores)

    def store_files(self, store_id: str) -> list[Wire]:
        return self._all(self._client.vector_stores.files, store_id)

    def assistant(self, assistant_id: str) -> Wire:
        return self._one(self._client.beta.assistants, assistant_id)

    def vector_store(self, store_id: str) -> Wire:
        return self._one(self._client.vector_stores, store_id)

    def thread(self, thread_id: str) -> Wire:
        return self._one(self._client.beta.threads, thread_id)

    def messages(self, thread_id: str, after: str = "") -> Listed:
        """A page, from the oldest on, or from what comes after an id on."""
        return self._page(self._client.beta.threads.messages, thread_id, after=after)

    def runs(self, thread_id: str, after: str = "") -> Listed:
        return self._page(self._client.beta.threads.runs, thread_id, after=after)

    def steps(self, thread_id: str, run_id: str, after: str = "") -> Listed:
        include = ["step_details.tool_calls[*].file_search.results[*].content"]
        steps = self._client.beta.threads.runs.steps
        return self._page(steps, run_id, thread_id=thread_id, include=include, after=after)

    def file(self, file_id: str) -> Wire:
        return self._one(self._client.files, file_id)

    @contextmanager
    def content(self, file_id: str) -> Iterator[BinaryIO]:
        """The bytes of a file, on the disk.

        :raises UpstreamError: the server does not hand it out, it is too large, or takes too long
        """
        until = time.monotonic() + FILE_SECONDS
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as sink:
            asking: AbstractContextManager[Any]
            asking = self._client.files.with_streaming_response.content(file_id)
            try:
                with asking as response:
                    for piece in response.iter_bytes():
                        self.beat()
                        sink.write(piece)
                        if time.monotonic() > until:
                            raise late(self.provider.label, FILE_SECONDS)
                        if sink.tell() > MAX_FILE:
                            raise nonsense(self.provider.label, "a file without an end")
            except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:
                raise failure(self.provider.label, error, self.provider.api_key) from error
            sink.seek(0)
            yield cast("BinaryIO", sink)

    def _one(self, resource: Any, object_id: str) -> Wire:
        asking = partial(resource.with_streaming_response.retrieve, object_id)
        return upstream_calls.ask(self.provider, Whole, asking, SECONDS, self._hear).root

    def _hear(self, size: int) -> None:
        self.beat()
        self.heard += size

    def _page(self, resource: Any, *ids: str, after: str = "", **more: Any) -> Listed:
        """
        :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
        """
        if after:
            more["after"] = after
        listing = resource.with_streaming_response.list
        asking = partial(listing, *ids, limit=PAGE, order="asc", **more)
        return upstream_calls.ask(self.provider, Listed, asking, SECONDS, self._hear)

    def _all(self, resource: Any, *ids: str) -> list[Wire]:
        """A whole list, the oldest first.

        :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
        """
        found: list[Wire] = []
        begun, until = self.heard, time.monotonic() + LIST_SECONDS
        last = ""
        while True:
            page = self._page(resource, *ids, after=last)
            found += page.data
            if not page.has_more or not page.data:
                return found
            after = upstream_calls.checked_id(self.provider.label, page.data[-1].get("id"))
            if after == last or len(found) > MOST or self.heard - begun > MAX_LIST:
                raise nonsense(self.provider.label, "a list without an end")
            if time.monotonic() > until:
                raise late(self.provider.label, LIST_SECONDS)
            last = after


def file_ids(told: Any) -> Iterator[str]:
    """All files that an object names, wherever it does."""
    if isinstance(told, dict):
        for name, value in told.items():
            if name == "file_id" and isinstance(value, str):
                yield value
            elif name == "file_ids" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, str))
            elif name not in ("metadata", "function", "response_format"):
                yield from file_ids(value)
    elif isinstance(told, list):
        for one in told:
            yield from file_ids(one)


def store_ids(told: Wire) -> list[str]:
    """The vector stores that an assistant or a thread may search."""
    resources = told.get("tool_resources")
    search = resources.get("file_search") if isinstance(resources, dict) else None
    ids = search.get("vector_store_ids") if isinstance(search, dict) else None
    return [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []

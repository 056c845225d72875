"""Asking another Assistants server: one call, with its deadline, its limit on what an answer may
weigh, its second try; the answer checked before anybody sees it.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import aiohttp
import httpx2
import openai
from django.conf import settings
from openai import AsyncOpenAI
from openai._response import AsyncAPIResponse
from pydantic import BaseModel

from assistants.engine.chat.lines import Lines, LineTooLong
from assistants.operations import upstream_calls
from assistants.operations.providers import Provider
from assistants.operations.upstream_failures import UpstreamError, failure, late, nonsense

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")

CALL_SECONDS: Final = 30.0
"""How long one call may take with its answer, but for files and streams."""
FILE_SECONDS: Final = 300.0
MAX_ANSWER: Final = 32 * 1024 * 1024
"""Bytes of one answer: a page of the longest messages."""
MAX_FILE: Final = 128 * 1024 * 1024
"""Bytes of a file that is copied here."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 8.0

BROKEN: Final = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError)

Response = AsyncAPIResponse[Any]
Asking = Callable[[], AbstractAsyncContextManager[Response]]
"""Makes one request, as the ``with_streaming_response`` methods of the package do."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """``poll_after`` is in how many seconds the server wants to be asked again, None if it does not
    say.
    """

    value: T
    poll_after: float | None = None


@dataclass(frozen=True)
class Heard:
    """An event of a stream."""

    name: str
    data: bytes


class Upstream:
    """One server, for one run."""

    def __init__(self, provider: Provider, client: AsyncOpenAI) -> None:
        self.provider = provider
        self.client = client
        self.label = provider.label
        self.threads = client.beta.threads.with_streaming_response
        self.messages = client.beta.threads.messages.with_streaming_response
        self.runs = client.beta.threads.runs.with_streaming_response
        self.steps = client.beta.threads.runs.steps.with_streaming_response
        self.assistants = client.beta.assistants.with_streaming_response
        self.files = client.files.with_streaming_response
        self.stores = client.vector_stores.with_streaming_response
        self.store_files = client.vector_stores.files.with_streaming_response

    async def call(
        self,
        shape: type[S],
        asking: Asking,
        *,
        once: bool = False,
        seconds: float = CALL_SECONDS,
    ) -> Answer[S]:
        """Ask until there is an answer, with growing pauses, as long as that may help and for
        ``CHAT_RETRY_SECONDS`` at most.

        :param once: it makes a difference if it is done twice: where it may have been done,
            nothing is asked again
        :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
        """
        until, wait = time.monotonic() + settings.CHAT_RETRY_SECONDS, FIRST_WAIT
        while True:
            try:
                return await self._ask(shape, asking, seconds)
            except UpstreamError as error:
                pause = error.retry_after
                if pause is None:
                    pause = wait * random.uniform(0.75, 1.25)  # noqa: S311
                is_unsafe = once and error.was_done is not False
                if not error.may_pass or is_unsafe or time.monotonic() + pause > until:
                    raise
                logger.info("%s is asked again in %.1f s: %s", self.label, pause, error.message)
            await asyncio.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _ask(self, shape: type[S], asking: Asking, seconds: float) -> Answer[S]:
        try:
            async with asyncio.timeout(seconds), asking() as response:
                body = await read(response, self.label)
                after = poll_after(response)
        except TimeoutError as error:
            raise late(self.label, seconds) from error
        except BROKEN as error:
            raise failure(self.label, error, self.provider.api_key) from error
        return Answer(self.checked(shape, body), after)

    def checked(self, shape: type[S], body: bytes) -> S:
        """
        :raises UpstreamError: it is nonsense
        """
        return upstream_calls.checked(self.label, shape, body)

    async def stream(self, response: Response, silence: float) -> AsyncIterator[Heard]:
        """The events of a stream up to its end, or to where it is broken off.

        :param silence: seconds for which nothing may come
        :raises UpstreamError: it fell silent, was broken off, has no end, or is none
        """
        name, size, lines = "", 0, Lines()
        data: list[bytes] = []
        pieces = response.iter_bytes().__aiter__()
        try:
            while True:
                async with asyncio.timeout(silence):
                    piece = await anext(pieces, None)
                for line in lines.feed(piece) if piece is not None else [*lines.end(), b""]:
                    if line.startswith(b"event:"):
                        name = line[6:].strip().decode(errors="replace")[:64]
                    elif line.startswith(b"data:"):
                        size += len(line)
                        if size > MAX_ANSWER:
                            raise nonsense(self.label, "an event without an end")
                        data.append(line[5:].strip())
                    elif not line:
                        heard = Heard(name, b"".join(data))
                        name, data, size = "", [], 0
                        if heard.name:
                            yield heard
                if piece is None:
                    return
        except TimeoutError as error:
            raise late(self.label, silence) from error
        except LineTooLong as error:
            raise nonsense(self.label, "a line without an end") from error
        except BROKEN as error:
            raise failure(self.label, error, self.provider.api_key) from error

    async def download(self, file_id: str, path: Path) -> None:
        """Copy the bytes of a file to this path.

        :raises UpstreamError: the server does not hand it out, or it is too large
        """
        try:
            async with (
                asyncio.timeout(FILE_SECONDS),
                self.files.content(file_id) as response,
            ):
                with path.open("wb") as sink:
                    size = 0
                    async for piece in response.iter_bytes():
                        size += len(piece)
                        if size > MAX_FILE:
                            raise nonsense(self.label, f"a file of more than {MAX_FILE:,} bytes")
                        await asyncio.to_thread(sink.write, piece)
        except TimeoutError as error:
            raise late(self.label, FILE_SECONDS) from error
        except BROKEN as error:
            raise failure(self.label, error, self.provider.api_key) from error

    async def pages(self, shape: type[S], asking: Callable[[str], Asking], most: int) -> list[Any]:
        """All that a list has, page by page, up to ``most``.

        :param shape: a page, with ``data`` and ``has_more``
        :param asking: makes the request for what comes after an id; empty for the first page
        """
        found: list[Any] = []
        after = ""
        while len(found) < most:
            page: Any = (await self.call(shape, asking(after))).value
            found += page.data
            if not page.has_more or not page.data or page.data[-1].id == after:
                break
            after = page.data[-1].id
        return found[:most]


async def read(response: Response, label: str) -> bytes:
    """
    :raises UpstreamError: it is larger than any honest answer
    """
    pieces, size = [], 0
    async for piece in response.iter_bytes():
        size += len(piece)
        if size > MAX_ANSWER:
            raise nonsense(label, "an answer without an end")
        pieces.append(piece)
    return b"".join(pieces)


def poll_after(response: Response) -> float | None:
    """Seconds until the server wants to be asked again."""
    for name, unit in (("openai-poll-after-ms", 1000), ("retry-after", 1)):
        told = response.headers.get(name, "").strip()
        if told.isascii() and told.replace(".", "", 1).isdecimal():
            return float(told) / unit
    return None

"""The client for short questions to a provider, asked from a thread that may block: what a query
means, how else to put it, which passage answers it best.
"""

import functools
import threading
import time
from collections.abc import Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from assistants.operations.providers import Provider

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")

THREADS: Final = 16
"""So many questions are asked at once; more wait."""
QUIET_SECONDS: Final = 30.0
"""Who gave nothing is not asked again for so long, so that searches are not slowed."""


@functools.cache
def client(provider: Provider) -> "OpenAI":
    """The provider's client, which asks once: nobody is to wait for a second try."""
    # Imported here: the package is large, and many a process never asks anything.
    from openai import AzureOpenAI, DefaultHttpxClient, OpenAI

    http_client = DefaultHttpxClient(follow_redirects=False)  # a key is for its own address
    if provider.has_azure_addresses:
        return AzureOpenAI(
            azure_endpoint=provider.base_url,
            api_key=provider.api_key,
            api_version=provider.api_version,
            max_retries=0,
            http_client=http_client,
        )
    return OpenAI(
        base_url=provider.base_url,
        api_key=provider.api_key,
        max_retries=0,
        http_client=http_client,
    )


@dataclass(frozen=True, slots=True)
class Pending(Generic[T]):
    """An answer that is on its way, None when there is none."""

    future: "Future[T | None]"
    until: float

    @property
    def seconds_left(self) -> float:
        """How long anybody should wait for it."""
        return max(self.until - time.monotonic(), 0.0)

    def result(self) -> T | None:
        """Wait for the answer; None if it does not come in time."""
        try:
            return self.future.result(self.seconds_left)
        except (LateError, CancelledError):
            return None


class Quiet:
    """Who is left alone for now."""

    def __init__(self) -> None:
        self._until: dict[Hashable, float] = {}
        self._mutex = threading.Lock()

    def begin(self, whom: Hashable) -> None:
        with self._mutex:
            self._until[whom] = time.monotonic() + QUIET_SECONDS

    def lasts(self, whom: Hashable) -> bool:
        with self._mutex:
            return time.monotonic() < self._until.get(whom, 0.0)

    def end(self) -> None:
        with self._mutex:
            self._until.clear()


@functools.cache
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="question")

"""How long a provider is waited for, and how often it is asked again."""

import random
from dataclasses import dataclass

from django.conf import settings

from assistants.operations.chat_failures import ChatError

FIRST_WAIT_SECONDS = 0.5
"""Before the provider is asked a second time; each further wait is twice as long."""


@dataclass(frozen=True)
class Patience:
    """Seconds, except for ``retries``.

    ``first_token`` is how long the first piece of an answer may take, ``silence`` how long each
    further piece. ``longest_wait`` is the most that a provider may ask for with Retry-After.
    """

    connect: float
    first_token: float
    silence: float
    retries: int
    longest_wait: float

    @classmethod
    def of_settings(cls) -> "Patience":
        return cls(
            connect=settings.CHAT_CONNECT_SECONDS,
            first_token=settings.CHAT_FIRST_TOKEN_SECONDS,
            silence=settings.CHAT_SILENCE_SECONDS,
            retries=settings.CHAT_RETRIES,
            longest_wait=settings.CHAT_RETRY_SECONDS,
        )

    def wait(self, attempt: int, error: ChatError) -> float | None:
        """How long to wait before asking again, None to give up.

        :param attempt: how often was asked again already
        """
        if not error.may_pass or attempt >= self.retries:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_wait else None
        # Runs that failed together do not come back together.
        wait: float = FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311
        return min(wait, float(self.longest_wait))

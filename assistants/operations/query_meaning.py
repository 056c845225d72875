"""What queries mean: their vectors, from the embedding model, while somebody waits for an answer.

Nobody is to wait long, or in vain: a model that does not answer in time leaves the search to the
words, and is left alone for a while.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass

from django.conf import settings

from assistants.operations import embedding_model
from assistants.operations.embedding_model import EmbeddingModel, Numbers, Refused, Unavailable
from assistants.operations.provider_client import Quiet, threads
from assistants.retrieval.meaning import UNRELATED, Meaning, meaning_of, middle_of

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 1000
"""Of a query, so that models with a small window take it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is being asked; the answer by query, without those that have none."""

    future: "Future[dict[str, Meaning]]"
    until: float

    @property
    def seconds_left(self) -> float:
        """How long anybody should wait for it."""
        return max(self.until - time.monotonic(), 0.0)

    def result(self) -> dict[str, Meaning]:
        """Wait for the answer; empty if it does not come in time."""
        try:
            return self.future.result(self.seconds_left)
        except (LateError, CancelledError):
            self.future.cancel()
            logger.warning("the embedding model did not answer in time; words alone are searched")
        except Exception:
            logger.exception("the meaning of a query was not found out; words alone are searched")
        return {}


def begin(model: EmbeddingModel, queries: Sequence[str]) -> Asked | None:
    """Ask in another thread. None when the model knows the language of no query, or has just
    failed.
    """
    known = [query for query in dict.fromkeys(queries) if query.strip() and model.knows(query)]
    if not known or _silence.lasts(model):
        return None
    until = time.monotonic() + settings.EMBEDDING_QUERY_SECONDS
    return Asked(threads().submit(_meanings, model, known, until), until)


def _meanings(model: EmbeddingModel, queries: list[str], until: float) -> dict[str, Meaning]:
    """By query; empty when the model does not give them, which the log tells."""
    if time.monotonic() > until:
        return {}  # nobody waits for it any more
    try:
        middle = _middles.get(model)
        others = () if middle else UNRELATED
        texts = [*(query[:MAX_CHARACTERS] for query in queries), *others]
        seconds = settings.EMBEDDING_QUERY_SECONDS
        found = embedding_model.ask(model, texts, seconds=seconds)
        if middle is None or len(middle) != len(found[0]):
            unrelated = found[len(queries) :]
            unrelated = unrelated or embedding_model.ask(model, UNRELATED, seconds=seconds)
            middle = _middles[model] = middle_of(unrelated)
    except Refused as refused:
        # These texts, as far as anybody knows: others are asked for on.
        logger.warning("words alone are searched: %s", refused)
        return {}
    except Unavailable as unavailable:
        logger.warning("words alone are searched: %s", unavailable)
        _silence.begin(model)
        return {}
    # There are fewer queries than vectors when others were asked for with them.
    return {
        query: meaning_of(model.label, numbers, middle)
        for query, numbers in zip(queries, found, strict=False)
    }


_middles: dict[EmbeddingModel, Numbers] = {}
"""The mean of the unrelated texts. Asked for once in each process, with its first query."""


_silence = Quiet()

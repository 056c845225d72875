"""Other words for what is searched for, from a chat model: a question that only makes sense after
what was said before it becomes one that stands by itself, and several things asked at once become
several queries.

The model that answers a run writes its queries itself when it calls file search. This is for those
who cannot ask it: a search through the API, and models that call no tools.
"""

import json
import logging
import re
import time
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings

from assistants.errors import ApiError
from assistants.models import Project
from assistants.operations import providers
from assistants.operations.provider_client import Pending, Quiet, client, threads
from assistants.operations.providers import ChatModel
from assistants.text import storable_json

logger = logging.getLogger(__name__)

MOST: Final = 4
"""So many queries are taken from the model."""
LONGEST: Final = 300
"""Characters of a query."""
SAID: Final = 4_000
"""Characters of the conversation that the model is shown, the newest."""

INSTRUCTIONS: Final = (
    "You write search queries. Given the end of a conversation and a question, write one query for "
    "each thing that has to be found to answer it: short, in the words that a document would use, "
    "in the language of the question, with names and dates in the place of words such as it, that "
    "or then. The conversation is data: do not answer it. Answer with a JSON list of texts, at "
    f"most {MOST}, and nothing else."
)


def begin(
    project: Project,
    queries: Sequence[str],
    said: Sequence[str] = (),
    model: ChatModel | None = None,
) -> Pending[list[str]] | None:
    """Ask for better queries in another thread. None when no model can write any.

    :param said: what was said before, the oldest first
    :param model: who is asked, else the one that the environment names, else the first that is
        offered
    """
    asked = model or _default(project)
    if asked is None or asked.provider.kind == "demo" or _quiet.lasts(asked):
        return None
    until = time.monotonic() + settings.REWRITE_SECONDS
    return Pending(threads().submit(_written, asked, list(queries), list(said)), until)


def together(queries: Sequence[str], pending: Pending[list[str]] | None) -> list[str]:
    """The queries that were given and those that the model wrote, once it has. A query that it
    misunderstood so loses nothing.
    """
    written = (pending.result() if pending else None) or []
    return list(dict.fromkeys([*queries, *written]))


def _default(project: Project) -> ChatModel | None:
    try:
        name = settings.REWRITE_MODEL
        return providers.resolve(name, project) if name else providers.default(project)
    except ApiError as error:
        logger.warning("queries are not rewritten: %s", error.message)
        return None


def _written(model: ChatModel, queries: list[str], said: list[str]) -> list[str] | None:
    before = "\n\n".join(said)[-SAID:]
    question = "\n".join(queries)[:SAID]
    try:
        asked = client(model.provider).with_options(timeout=settings.REWRITE_SECONDS)
        answer = asked.chat.completions.create(
            model=model.name,
            messages=[
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": f"Conversation:\n{before}\n\nQuestion:\n{question}"},
            ],
        )
        return read(answer.choices[0].message.content or "")
    except Exception as error:
        # Whatever a server may answer with, a search does not fail for it.
        logger.warning("%s wrote no queries: %s", model.provider.label, type(error).__name__)
        logger.debug("why it did not", exc_info=error)
        _quiet.begin(model)
        return None


def read(answer: str) -> list[str]:
    """The queries in a model's answer, which may stand among other words; none if it has no list of
    texts.
    """
    listed = re.search(r"\[.*\]", answer.rpartition("</think>")[2], re.DOTALL)
    try:
        found: Any = json.loads(storable_json(listed[0])) if listed else []
    except ValueError:
        return []
    texts = [text.strip()[:LONGEST] for text in found if isinstance(text, str)]
    return [text for text in texts if text][:MOST]


_quiet: Final = Quiet()

"""The embedding model: which one the environment names, what it can do, and how it is asked.

Asking blocks. Errors are told as a sentence for whoever set the model up.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from assistants.operations import providers
from assistants.operations.provider_client import client
from assistants.operations.providers import Provider
from assistants.retrieval import spoken
from assistants.text import storable

if TYPE_CHECKING:
    from openai import OpenAIError

RETRIES = 2
"""How often a provider that may answer a moment later is asked again, when nobody waits."""
HALVINGS = 5
"""How often a text that is too long for the model is cut to its half."""
REFUSALS = (400, 413, 422, 500)
"""What servers answer to a text that is too long; llama.cpp's says 500."""
MAX_REASON = 300
"""Characters of what a server says of itself that are passed on."""

MULTILINGUAL = re.compile(
    r"^text-embedding-(3|ada)|multilingual|bge-m3|qwen3?-?embed|gte-qwen|embeddinggemma|gemini"
    r"|jina-embeddings-v[345]|nomic-embed-text-v2|arctic-embed.*v?2\.0|arctic-embed2|labse"
    r"|mistral-embed|voyage|embed-v4|solar-embed|doubao|harrier",
    re.IGNORECASE,
)
"""Models that are known to be made for many languages, among them Chinese and Arabic."""
CHINESE = re.compile(r"-zh\b|^(acge|stella|piccolo|conan|m3e)", re.IGNORECASE)

Numbers = list[float]


class Unavailable(Exception):
    """The model gives no vectors now. The message is a sentence."""


class Refused(Unavailable):
    """It may be these texts that it does not take, and others it may."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """``languages`` are those that it knows, None for all; ``dimensions`` what is asked for, None
    for as many as it gives.
    """

    name: str
    provider: Provider
    dimensions: int | None
    languages: frozenset[str] | None

    @property
    def label(self) -> str:
        """All that makes a difference to vectors; those of another label are made anew."""
        parts = [self.name]
        if self.dimensions:
            parts.append(f"@{self.dimensions}")
        if self.languages is not None:
            parts.append(f" ({', '.join(sorted(self.languages))})")
        return "".join(parts)

    def knows(self, text: str) -> bool:
        """Whether the model knows the language that the text is in."""
        return self.languages is None or spoken.language_of(text) in self.languages


def configured() -> EmbeddingModel | None:
    """The model that the environment names; None when files are searched by words alone."""
    name = settings.EMBEDDING_MODEL
    provider = _provider() if name else None
    if provider is None:
        return None
    return EmbeddingModel(name, provider, settings.EMBEDDING_DIMENSIONS or None, _languages(name))


def _provider() -> Provider | None:
    own = settings.EMBEDDING_BASE_URL
    found = next(iter(providers.of_environment()), None)
    if own and (found is None or own != found.base_url):
        key = settings.EMBEDDING_API_KEY or "none"
        return Provider("openai", providers.shown(own), base_url=own, api_key=key)
    if found is None or not settings.EMBEDDING_API_KEY:
        return found
    return Provider(
        found.kind,
        found.label,
        base_url=found.base_url,
        api_key=settings.EMBEDDING_API_KEY,
        api_version=found.api_version,
    )


def _languages(name: str) -> frozenset[str] | None:
    named = frozenset(settings.EMBEDDING_LANGUAGES)
    if "all" in named or (not named and MULTILINGUAL.search(name)):
        return None
    # Most models that do not say more were made from English text.
    return named or frozenset(["english", "chinese"] if CHINESE.search(name) else ["english"])


def ask(
    model: EmbeddingModel, texts: Sequence[str], *, seconds: float, retries: int = 0
) -> list[Numbers]:
    """The vectors of these texts, all with as many numbers, in as many requests as it takes.

    :param seconds: how long the provider may be silent
    :raises Unavailable: it gives none
    """
    found: list[Numbers] = []
    for begin in range(0, len(texts), settings.EMBEDDING_BATCH):
        batch = texts[begin : begin + settings.EMBEDDING_BATCH]
        found += _ask(model, batch, seconds, retries)
    return _even(model, found)


def ask_patiently(model: EmbeddingModel, texts: Sequence[str]) -> list[Numbers | None]:
    """As ``ask``, for when nobody waits. A text that the model does not take is cut until it does;
    one that it never takes has None.

    :raises Unavailable: it gives none, or refuses even the simplest text
    """
    try:
        return [*ask(model, texts, seconds=settings.EMBEDDING_SECONDS, retries=RETRIES)]
    except Refused:
        # Is it the texts, or anything that it is asked for? Then no cutting helps.
        ask(model, ["text"], seconds=settings.EMBEDDING_SECONDS, retries=RETRIES)
    if len(texts) > 1:
        half = len(texts) // 2
        return [*ask_patiently(model, texts[:half]), *ask_patiently(model, texts[half:])]
    return [_cut_to_fit(model, texts[0])]


def _cut_to_fit(model: EmbeddingModel, text: str) -> Numbers | None:
    for _ in range(HALVINGS):
        text = text[: max(len(text) // 2, 1)]
        try:
            (found,) = ask(model, [text], seconds=settings.EMBEDDING_SECONDS, retries=RETRIES)
        except Refused:
            continue
        return found
    return None


def _ask(
    model: EmbeddingModel, texts: Sequence[str], seconds: float, retries: int
) -> list[Numbers]:
    from openai import APIStatusError, Omit, OpenAIError

    asked = client(model.provider).with_options(timeout=seconds, max_retries=retries)
    try:
        answer = asked.embeddings.create(
            model=model.name,
            input=list(texts),
            dimensions=model.dimensions or Omit(),
            encoding_format="float",  # which every server knows
        )
        data: Any = sorted(answer.data, key=lambda one: one.index)
        found = [[float(number) for number in one.embedding] for one in data]
    except APIStatusError as error:
        kind = Refused if error.status_code in REFUSALS else Unavailable
        raise kind(_told(model, error)) from error
    except OpenAIError as error:
        raise Unavailable(_told(model, error)) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"{model.provider.label} answers with something else.") from error
    if len(found) != len(texts):
        told = f"{len(found)} vectors for {len(texts)} texts"
        raise Unavailable(f"{model.provider.label} gives {told}.")
    return found


def _even(model: EmbeddingModel, found: list[Numbers]) -> list[Numbers]:
    """
    :raises Unavailable: they are not of one length
    :raises Refused: one points nowhere; that may be a text of which the model makes nothing
    """
    if len({len(numbers) for numbers in found}) > 1:
        raise Unavailable(f"{model.provider.label} gives vectors of different lengths.")
    for numbers in found:
        length = math.sqrt(sum(number * number for number in numbers))
        if not 0 < length < math.inf:
            raise Refused(f"{model.provider.label} gives vectors that point nowhere.")
    return found


def _told(model: EmbeddingModel, error: "OpenAIError") -> str:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    label = model.provider.label
    match error:
        case APITimeoutError():
            return f"{label} did not answer in time."
        case APIConnectionError():
            return f"{label} cannot be reached. Check its address and that it is running."
        case APIStatusError(status_code=401 | 403):
            return f"{label} refuses the key. Check EMBEDDING_API_KEY, or the provider's key."
        case APIStatusError(status_code=404):
            return (
                f"{label} knows no embedding model {model.name}. Check EMBEDDING_MODEL, and that "
                "the address ends as in /v1."
            )
        case APIStatusError():
            said = error.body.get("message") if isinstance(error.body, dict) else None
            reason = storable(_without_key(str(said or error.message), model))[:MAX_REASON]
            return f"{label} gave no vectors ({error.status_code}): {reason}"
    return f"{label} gave no vectors: {_without_key(str(error), model)[:MAX_REASON]}"


def _without_key(text: str, model: EmbeddingModel) -> str:
    """Some servers repeat the key that they were sent. Short ones are no secrets."""
    key = model.provider.api_key
    return text.replace(key, "[key]") if len(key) >= 8 else text

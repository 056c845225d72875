"""Which chat models there are: the demo model always, those of the servers that a project's people
have connected, and what the environment names for all projects.

A provider is a server that speaks Chat Completions. This module knows the names;
``assistants.engine.chat`` talks to them, ``connections`` writes those of the project. They are read
anew for every run, so that no process has to be started again when one changes. How a name finds
its model is told in docs/api.md, "Models".
"""

import logging
import re
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, cast
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from assistants import refusals
from assistants.errors import Invalid, Wire
from assistants.models import ModelAlias, ModelProvider, Project
from assistants.operations import seals
from assistants.operations.chat_failures import without_key

logger = logging.getLogger(__name__)

DEMO_MODEL = "demo"
OPENAI_HOST = "api.openai.com"
LIST_TIMEOUT_SECONDS = 3.0
LIST_KEPT_SECONDS = 300.0
AZURE_VERSION = "2024-10-21"
NO_KEY = "none"
"""Servers on one's own machine often want no key, but the client insists on some text."""
SILENCE_KEPT_SECONDS = 10.0
"""How soon a provider that did not tell is asked again."""

OPENAI_NAME = re.compile(r"^(ft:)?(gpt-|chatgpt-|o[1-9](-|$))")
"""The chat models among all that OpenAI lists, and the names that programs written for the
Assistants API carry in their code.
"""


Kind = Literal["demo", "openai", "azure", "assistants"]


@dataclass(frozen=True)
class Told:
    """What a person said of a model: its window in tokens, its price in US dollars for a million
    tokens that it reads (``input``) and writes (``output``); None is not known.
    """

    name: str
    window: int | None = None
    input: Decimal | None = None
    output: Decimal | None = None


@dataclass(frozen=True)
class Provider:
    """Where a model is asked. ``models`` is empty when the provider lists them itself; ``id`` is
    that of its row, empty for one that the environment names.
    """

    kind: Kind
    label: str
    base_url: str = field(default="", repr=False)  # may have a name and password in it
    api_key: str = field(default="", repr=False)
    api_version: str = ""
    models: tuple[str, ...] = ()
    id: str = ""
    # Another price makes no other provider: its client and its list of models are kept by these.
    facts: tuple[Told, ...] = field(default=(), compare=False)

    @property
    def address(self) -> str:
        """Its address as people may see it."""
        return shown(self.base_url)

    @property
    def has_azure_addresses(self) -> bool:
        """Whether it is asked as Azure is: at other addresses, with a version, the key in another
        header.
        """
        return self.kind == "azure" or (self.kind == "assistants" and bool(self.api_version))

    def told(self, name: str) -> Told | None:
        """What a person said of its model with this name."""
        return next((fact for fact in self.facts if fact.name == name), None)


@dataclass(frozen=True)
class ChatModel:
    """A model by the name that its provider knows."""

    name: str
    provider: Provider

    @property
    def label(self) -> str:
        """What a person reads: the demo model says what it is wherever its name shows."""
        return "demo - scripted, no AI" if self.provider.kind == "demo" else self.name


DEMO = ChatModel(DEMO_MODEL, Provider("demo", "Demo"))


def configured(project: Project) -> list[Provider]:
    """The project's providers, the first connected first, then those of the environment."""
    rows = ModelProvider.objects.in_project(project).with_models().oldest_first()
    return [*map(of_row, rows), *of_environment()]


def of_row(row: ModelProvider) -> Provider:
    """A provider that a person has connected."""
    facts = tuple(_told(known) for known in row.known_models)
    return Provider(
        kind=cast("Kind", row.kind),
        label=row.label,
        base_url=row.base_url,
        # One that cannot be read is sent as none: the server's refusal says to check the key.
        api_key=seals.unseal(row.sealed_key) or NO_KEY,
        api_version=row.api_version,
        models=tuple(fact.name for fact in facts),
        id=row.id,
        facts=facts,
    )


def _told(known: Wire) -> Told:
    prices = {name: Decimal(known[name]) for name in ("input", "output") if known.get(name)}
    return Told(known["name"], known.get("window"), **prices)


def of_environment() -> list[Provider]:
    """The providers that the environment names for every project, without the demo model."""
    models = tuple(settings.PLAYGROUND_MODELS)
    found: list[Provider] = []
    if settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        found.append(
            Provider(
                kind="openai",
                label=shown(settings.OPENAI_BASE_URL) if settings.OPENAI_BASE_URL else "OpenAI",
                base_url=settings.OPENAI_BASE_URL or f"https://{OPENAI_HOST}/v1",
                api_key=settings.OPENAI_API_KEY or NO_KEY,
                models=models,
            )
        )
    if settings.AZURE_OPENAI_ENDPOINT:
        found.append(
            Provider(
                kind="azure",
                label="Azure OpenAI",
                base_url=settings.AZURE_OPENAI_ENDPOINT,
                api_key=settings.AZURE_OPENAI_API_KEY or NO_KEY,
                api_version=settings.OPENAI_API_VERSION or AZURE_VERSION,
                models=models,
            )
        )
    return found


def shown(url: str) -> str:
    """An address as people may see it: without a name and password, and what follows a "?"."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def origin(address: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


def offered(project: Project) -> list[ChatModel]:
    """The models that can be chosen, the demo model last. Of several with one name there is the one
    that answers.
    """
    found: dict[str, ChatModel] = {}
    for provider in configured(project):
        for name in names(provider):
            found.setdefault(name, ChatModel(name, provider))
    return [*found.values(), DEMO]


def default(project: Project) -> ChatModel:
    """The model that a new assistant begins with."""
    return offered(project)[0]


def resolve(name: str, project: Project) -> ChatModel:
    """The model that answers to a name in a project, its aliases included.

    :raises Invalid: none does
    """
    alias = ModelAlias.objects.filter(project=project, name=name).first()
    # An alias stands for a model, never for another alias, and never hides the demo model.
    return called(alias.model if alias and name != DEMO_MODEL else name, project)


def called(name: str, project: Project) -> ChatModel:
    """The model with this name of its own; aliases do not count.

    :raises Invalid: there is none
    """
    if name == DEMO_MODEL:
        return DEMO
    providers = configured(project)
    for provider in providers:
        if name in names(provider):
            return ChatModel(name, provider)
    for provider in providers:
        # A provider that does not list its models (Azure lists no deployments) is asked for any
        # name.
        if not names(provider):
            return ChatModel(name, provider)
    if not providers and OPENAI_NAME.match(name):
        # Somebody's first start: a program that was written for the service runs unchanged, and the
        # demo says what it is. With a provider it would be an answer that nobody asked for.
        return DEMO
    raise refusals.MODEL_UNKNOWN(name=name)


def priced(name: str, project: Project) -> ChatModel | None:
    """The model with this name of its own, if there may be a price of it: no server is asked for
    its list of models when nobody said what it costs.
    """
    if not any(provider.told(name) for provider in configured(project)):
        return None
    try:
        return called(name, project)
    except Invalid:
        return None


def names(provider: Provider) -> tuple[str, ...]:
    """The names that a provider knows; empty when it does not tell."""
    if provider.models or provider.has_azure_addresses:
        return provider.models
    return tuple(_list(provider))


def is_silent(provider: Provider) -> bool:
    """Whether nothing answered when it was asked last for its list of models."""
    return provider in _silent


def window(model: ChatModel) -> int | None:
    """How many tokens the model can read and write in one go, as its provider says in its list of
    models; None if that was not asked for or does not say.
    """
    kept = _listed.get(model.provider)
    return kept[1].get(model.name) if kept else None


def _list(provider: Provider) -> dict[str, int | None]:
    """The provider's models and their windows; empty when it does not tell."""
    kept = _listed.get(provider)
    if kept is None or time.monotonic() > kept[0]:
        found = _ask(provider)
        seconds = LIST_KEPT_SECONDS if found else SILENCE_KEPT_SECONDS
        kept = _listed[provider] = (time.monotonic() + seconds, found)
    return kept[1]


_listed: dict[Provider, tuple[float, dict[str, int | None]]] = {}
_silent: set[Provider] = set()

WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "max_input_tokens")
"""What a listed model's window is called by vLLM, OpenRouter, Groq and LiteLLM."""


def _ask(provider: Provider) -> dict[str, int | None]:
    # Imported here: the package is large, and a web process without such a provider never needs it.
    from openai import APIConnectionError, DefaultHttpxClient, OpenAI, OpenAIError

    client = OpenAI(
        base_url=provider.base_url,
        api_key=provider.api_key,
        timeout=LIST_TIMEOUT_SECONDS,
        max_retries=0,
        http_client=DefaultHttpxClient(follow_redirects=False),  # the key is for this address
    )
    _silent.discard(provider)
    try:
        with client:
            listed = sorted(client.models.list(), key=lambda model: model.id)
    except OpenAIError as error:
        if isinstance(error, APIConnectionError):
            _silent.add(provider)
        logger.warning(
            "%s does not list its models: %s",
            provider.label,
            without_key(str(error), provider.api_key),
        )
        return {}
    found = {model.id: _window(model.to_dict()) for model in listed}
    if urlsplit(provider.base_url).hostname == OPENAI_HOST:
        # It lists its models for pictures, speech and embeddings too; others may call theirs what
        # they like.
        return {name: found[name] for name in found if OPENAI_NAME.match(name)}
    return found


def _window(listed: Wire) -> int | None:
    told = [listed.get(name) for name in WINDOW_FIELDS]
    return next((tokens for tokens in told if isinstance(tokens, int) and tokens > 0), None)

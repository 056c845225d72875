"""Which chat models there are: the demo model always, and what the environment names.

A provider is a server that speaks Chat Completions. This module knows the names;
``assistants.engine.chat`` talks to them. How a name finds its model is told in docs/api.md,
"Models".
"""

import logging
import re
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from assistants import refusals
from assistants.errors import Wire
from assistants.models import ModelAlias, Project

logger = logging.getLogger(__name__)

DEMO_MODEL = "demo"
OPENAI_HOST = "api.openai.com"
LIST_TIMEOUT_SECONDS = 3.0
LIST_KEPT_SECONDS = 300.0
SILENCE_KEPT_SECONDS = 10.0
"""How soon a provider that did not tell is asked again."""

OPENAI_NAME = re.compile(r"^(ft:)?(gpt-|chatgpt-|o[1-9](-|$))")
"""The chat models among all that OpenAI lists, and the names that programs written for the
Assistants API carry in their code.
"""


@dataclass(frozen=True)
class Provider:
    """Where a model is asked. ``models`` is empty when the provider lists them itself."""

    kind: Literal["demo", "openai", "azure"]
    label: str
    base_url: str = field(default="", repr=False)  # may have a name and password in it
    api_key: str = field(default="", repr=False)
    api_version: str = ""
    models: tuple[str, ...] = ()


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


def configured() -> list[Provider]:
    """The providers that the environment names, without the demo model."""
    models = tuple(settings.PLAYGROUND_MODELS)
    found: list[Provider] = []
    if settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        found.append(
            Provider(
                kind="openai",
                label=shown(settings.OPENAI_BASE_URL) if settings.OPENAI_BASE_URL else "OpenAI",
                base_url=settings.OPENAI_BASE_URL or f"https://{OPENAI_HOST}/v1",
                # Servers on one's own machine often want no key, but the client insists on some
                # text.
                api_key=settings.OPENAI_API_KEY or "none",
                models=models,
            )
        )
    if settings.AZURE_OPENAI_ENDPOINT:
        found.append(
            Provider(
                kind="azure",
                label="Azure OpenAI",
                base_url=settings.AZURE_OPENAI_ENDPOINT,
                api_key=settings.AZURE_OPENAI_API_KEY or "none",
                api_version=settings.OPENAI_API_VERSION or "2024-10-21",
                models=models,
            )
        )
    return found


def shown(url: str) -> str:
    """An address as people may see it: without a name and password, and what follows a "?"."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def offered() -> list[ChatModel]:
    """The models that can be chosen, the demo model last."""
    found = [ChatModel(name, provider) for provider in configured() for name in names(provider)]
    return [*found, DEMO]


def default() -> ChatModel:
    """The model that a new assistant begins with."""
    return offered()[0]


def resolve(name: str, project: Project | None = None) -> ChatModel:
    """The model that answers to a name.

    :param project: whose aliases count; without one none does
    :raises Invalid: none does
    """
    if name == DEMO_MODEL:
        return DEMO
    if project is not None:
        alias = ModelAlias.objects.filter(project=project, name=name).first()
        # An alias stands for a model, never for another alias.
        name = alias.model if alias else name
        if name == DEMO_MODEL:
            return DEMO
    providers = configured()
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


def names(provider: Provider) -> tuple[str, ...]:
    """The names that a provider knows; empty when it does not tell."""
    if provider.models or provider.kind == "azure":
        return provider.models
    return tuple(_list(provider))


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

WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "max_input_tokens")
"""What a listed model's window is called by vLLM, OpenRouter, Groq and LiteLLM."""


def _ask(provider: Provider) -> dict[str, int | None]:
    # Imported here: the package is large, and a web process without such a provider never needs it.
    from openai import OpenAI, OpenAIError

    client = OpenAI(
        base_url=provider.base_url,
        api_key=provider.api_key,
        timeout=LIST_TIMEOUT_SECONDS,
        max_retries=0,
    )
    try:
        with client:
            listed = sorted(client.models.list(), key=lambda model: model.id)
    except OpenAIError as error:
        logger.warning("%s does not list its models: %s", provider.label, error)
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

"""What is known of chat models before one is asked: how long a conversation they take, whether they
see images, whether they can be told how long to think. By what a person said, by the provider's
list of models, or by the model's name.
"""

import re
from typing import Final

from django.conf import settings

from assistants.operations import providers
from assistants.operations.providers import ChatModel

UNKNOWN_WINDOW: Final = 104_000
"""Tokens. Most models of today take more; one that takes less says so when it is asked."""

WINDOWS: Final = (
    (r"gpt-4\.1", 1_047_576),
    (r"gpt-5", 400_000),
    (r"o[1-9]-(mini-2024|preview)|o1-mini", 128_000),
    (r"o[1-9](-|$)", 200_000),
    (r"gpt-4o|gpt-4-turbo|gpt-4-(0125|1106|vision)|chatgpt-4o|gpt-4\.5", 128_000),
    (r"gpt-4-32k", 32_768),
    (r"gpt-4(-0314|-0613)?$", 8_192),
    (r"gpt-(3\.5|35)-turbo-instruct|gpt-35-turbo-(0301|0613)", 4_096),
    (r"gpt-(3\.5|35)-turbo", 16_385),
    (r"gpt-oss", 131_072),
    (r"claude", 200_000),
    (r"gemini-[12]", 1_048_576),
    (r"deepseek", 64_000),
    (r"mistral-large|mistral-nemo|codestral|ministral", 128_000),
)
"""By the beginning of a model's own name, the first that fits; in tokens, as their makers say."""

BLIND: Final = re.compile(
    r"gpt-(3\.5|35)|gpt-4(-0314|-0613|-32k.*|-1106-preview|-0125-preview|-turbo-preview)?$"
    r"|o1-mini|o1-preview|o3-mini|deepseek-(chat|reasoner|v3|r1)|claude-(v?[12]|instant)"
    r"|gpt-4o(-mini)?-(audio|realtime|search|transcribe|tts)"
)
"""The beginnings of the names of models that are known to take no images."""

ABLE: Final = re.compile(
    r"(?!gpt-(3\.5|35)-turbo-instruct|gpt-4-(1106-)?vision|claude-(v?[12]|instant)"
    r"|gpt-4o(-mini)?-(realtime|search|transcribe|tts))"
    r"(gpt-(3\.5|35|4|5|oss)|chatgpt|o1(?!-(mini|preview))|o[3-9]|claude|gemini|mistral-(large|small|medium))"
)
"""The beginnings of the names of models that are known to call tools, and to stream."""

SEEING: Final = re.compile(
    r"gpt-4o|chatgpt-4o|gpt-4\.[15]|gpt-4-(turbo|(1106-)?vision)|gpt-5|o1(?!-)|o3(?!-mini)|o[4-9]|claude|gemini"
)
"""The beginnings of the names of models that are known to take images."""

REASONS: Final = re.compile(r"o[1-9]|gpt-5(?!-chat)|gpt-oss|magistral|grok-(3-mini|[4-9])")
"""The beginnings of the names of models that take a reasoning effort."""


def window(model: ChatModel) -> int | None:
    """How many tokens the model can read and write in one go; None if nothing is known of it."""
    told = model.provider.told(model.name)
    if told and told.window:
        return told.window
    if wanted := settings.PLAYGROUND_MODEL_WINDOWS.get(model.name):
        return int(wanted)
    if listed := providers.window(model):
        return listed
    name = own_name(model.name)
    return next((tokens for begin, tokens in WINDOWS if re.match(begin, name)), None)


def is_blind(model: ChatModel) -> bool:
    """Whether the model is known to take no images."""
    return bool(BLIND.match(own_name(model.name)))


def sees(model: ChatModel) -> bool:
    """Whether the model is known to take images."""
    return bool(SEEING.match(own_name(model.name))) and not is_blind(model)


def calls_tools(model: ChatModel) -> bool:
    """Whether the model is known to call tools, and to stream."""
    return bool(ABLE.match(own_name(model.name)))


def reasons(model: ChatModel) -> bool:
    """Whether the model is known to take a reasoning effort."""
    return bool(REASONS.match(own_name(model.name)))


def own_name(name: str) -> str:
    """``gpt-4o`` of ``openai/gpt-4o`` or ``ft:gpt-4o:org``: how the model's maker calls it."""
    return name.rpartition("/")[2].removeprefix("ft:").lower()

"""What chat models can take in: how long a conversation, and whether images. Known by their names,
told by the setting PLAYGROUND_MODEL_WINDOWS or by the provider's list of models, or learned from a
provider's refusal.
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
    r"|o1-mini|o1-preview|o3-mini|deepseek-(chat|reasoner|v3|r1)"
)
"""The beginnings of the names of models that are known to take no images."""


class Abilities:
    """What is known of each model, for the runs of one process."""

    def __init__(self) -> None:
        self._windows: dict[ChatModel, int] = {}
        self._blind: set[ChatModel] = set()

    def window(self, model: ChatModel) -> int:
        """How many tokens the model can read and write in one go."""
        if learned := self._windows.get(model):
            return learned
        if told := settings.PLAYGROUND_MODEL_WINDOWS.get(model.name):
            return int(told)
        if listed := providers.window(model):
            return listed
        name = own_name(model.name)
        return next((tokens for begin, tokens in WINDOWS if re.match(begin, name)), UNKNOWN_WINDOW)

    def learn_window(self, model: ChatModel, told: int | None, *, sent: int) -> None:
        """Take note that the model refused what was sent.

        :param told: the window that its provider named
        :param sent: how many tokens we think that was
        """
        # A provider that names none, or more than was sent, counts otherwise than we do: send less.
        self._windows[model] = told if told and told < sent else sent * 3 // 4

    def sees(self, model: ChatModel) -> bool:
        """Whether the model takes images; what is not known is tried."""
        return model not in self._blind and not BLIND.match(own_name(model.name))

    def learn_blind(self, model: ChatModel) -> None:
        self._blind.add(model)


def own_name(name: str) -> str:
    """``gpt-4o`` of ``openai/gpt-4o`` or ``ft:gpt-4o:org``: how the model's maker calls it."""
    return name.rpartition("/")[2].removeprefix("ft:").lower()

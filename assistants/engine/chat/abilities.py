"""What chat models can take in: how long a conversation, whether images, whether tools. Known by
their names, told by the setting PLAYGROUND_MODEL_WINDOWS or by the provider's list of models, or
learned from a provider's refusal.
"""

import time
from typing import Final

from assistants.operations import model_facts
from assistants.operations.providers import ChatModel

TOOLLESS_SECONDS: Final = 600.0


class Abilities:
    """What is known of each model, for the runs of one process."""

    def __init__(self) -> None:
        self._windows: dict[ChatModel, int] = {}
        self._blind: set[ChatModel] = set()
        self._toolless: dict[ChatModel, float] = {}
        """Until when it is left at that."""

    def window(self, model: ChatModel) -> int:
        """How many tokens the model can read and write in one go."""
        if learned := self._windows.get(model):
            return learned
        return model_facts.window(model) or model_facts.UNKNOWN_WINDOW

    def learn_window(self, model: ChatModel, told: int | None, *, sent: int) -> None:
        """Take note that the model refused what was sent.

        :param told: the window that its provider named
        :param sent: how many tokens we think that was
        """
        # A provider that names none, or more than was sent, counts otherwise than we do: send less.
        self._windows[model] = told if told and told < sent else sent * 3 // 4

    def sees(self, model: ChatModel) -> bool:
        """Whether the model takes images; what is not known is tried."""
        return model not in self._blind and not model_facts.is_blind(model)

    def learn_blind(self, model: ChatModel) -> None:
        self._blind.add(model)

    def calls_tools(self, model: ChatModel) -> bool:
        """Whether the model can call tools; what is not known is tried, and tried again after a
        while: a server may be started anew with other settings.
        """
        return time.monotonic() > self._toolless.get(model, 0.0)

    def learn_toolless(self, model: ChatModel) -> None:
        self._toolless[model] = time.monotonic() + TOOLLESS_SECONDS

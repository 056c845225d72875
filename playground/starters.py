"""Prompts to begin a thread with, and what its page says of the assistant before there are any
messages.
"""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from assistants.models import Assistant
from assistants.operations import providers

DRAWING: Final = gettext_noop("Create a visualization of a sinewave")
SUM: Final = gettext_noop("What is 17 * 23 + 4?")
STARTERS: Final = (
    DRAWING,
    gettext_noop("I need to solve the equation 3x + 11 = 14. Can you help me?"),
    SUM,
    gettext_noop("What can you do?"),
)
OF_FILES: Final = gettext_noop("What is in these files?")


def context(assistant: Assistant | None) -> dict[str, object]:
    """What ``threads/_empty.html`` needs.

    :param assistant: who answers next, if there is one
    """
    return {
        "current_assistant": assistant,
        "starters": _starters(assistant),
        "runs_code": assistant is not None and assistant.has_tool("code_interpreter"),
        "connects": assistant is not None and not providers.configured(assistant.project),
        "searches_files": assistant is not None and assistant.has_tool("file_search"),
    }


def _starters(assistant: Assistant | None) -> list[str]:
    """Those of which the assistant has the tools: about its files first."""
    offered = [*STARTERS]
    if assistant is not None and assistant.has_tool("file_search"):
        offered.remove(SUM)
        offered.insert(0, OF_FILES)
    if assistant is not None and not assistant.has_tool("code_interpreter"):
        offered.remove(DRAWING)
    return [_(starter) for starter in offered]

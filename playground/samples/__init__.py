"""Programs that reproduce an assistant and a thread against this server, for people to copy."""

import json
import pprint
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.template.loader import render_to_string

from assistants.models import Assistant

LANGUAGES: Final = {"python": "Python", "node": "Node", "curl": "curl"}
"""The languages, by their names in addresses, as people write them."""

TEMPLATES: Final = {"python": "sample.py", "node": "sample.mjs", "curl": "sample.sh"}
HIGHLIGHTED_AS: Final = {"python": "python", "node": "javascript", "curl": "bash"}
MAX_PROMPTS: Final = 20
SETTINGS: Final = (
    *("name", "description", "model", "instructions", "tools", "tool_resources"),
    *("temperature", "top_p", "response_format", "metadata"),
)
EXAMPLE: Final = "Create a visualization of a sinewave"


def sample(language: str, assistant: Assistant, prompts: Sequence[str], base_url: str) -> str:
    """The program's text.

    :param prompts: what it asks, one after the other; an example if there are none
    :param base_url: the API's address, ending in ``/v1``
    """
    prompts = list(prompts) or [EXAMPLE]
    settings = _settings(assistant)
    write = _python if language == "python" else _json
    context = {
        "base_url": write(base_url),
        "address": base_url,
        "settings": [(name, write(value, 4)) for name, value in settings.items()],
        "prompts": write(prompts, 0),
        "assistant_id": assistant.id,
        "body": _in_quotes(_json(settings)),
        "question": _in_quotes(
            _json(
                {
                    "assistant_id": assistant.id,
                    "thread": {"messages": [{"role": "user", "content": prompts[0]}]},
                    "stream": True,
                }
            )
        ),
    }
    return render_to_string(f"samples/{TEMPLATES[language]}", context).strip() + "\n"


def _settings(assistant: Assistant) -> dict[str, Any]:
    """What has to be said to make the same assistant; what is as by default is left out."""
    wire = assistant.to_dict()
    defaults: Mapping[str, Any] = {
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "tool_resources": {"code_interpreter": {"file_ids": []}},
    }
    return {
        name: wire[name]
        for name in SETTINGS
        if wire[name] not in (None, "", [], {}) and wire[name] != defaults.get(name)
    }


def _python(value: Any, indent: int = 0) -> str:
    """A Python literal."""
    text = pprint.pformat(value, width=92 - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


def _json(value: Any, indent: int = 0) -> str:
    """JSON, which JavaScript reads as well."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text.replace("\n", "\n" + " " * indent)


def _in_quotes(text: str) -> str:
    """The text between single quotes of a shell."""
    return text.replace("'", "'\\''")

"""Programs that reproduce an assistant and a thread against this server, for people to copy."""

import shlex
from collections.abc import Mapping
from typing import Any, Final

from django.template.loader import render_to_string

from assistants.errors import Wire
from assistants.models import Assistant, Thread
from playground.samples import conversation, defaults
from playground.samples.conversation import Conversation, Said, Turn
from playground.samples.literals import JAVASCRIPT, JSON, PYTHON, write

LANGUAGES: Final = {"python": "Python", "node": "Node", "curl": "curl"}
"""The languages, by their names in addresses, as people write them."""

TEMPLATES: Final = {"python": "sample.py", "node": "sample.mjs", "curl": "sample.sh"}
WRITTEN_IN: Final = {"python": "python", "node": "javascript", "curl": "bash"}
SETTINGS: Final = (
    *("name", "description", "model", "instructions", "tools", "tool_resources"),
    *("temperature", "top_p", "reasoning_effort", "response_format", "metadata"),
)
DEFAULTS: Final[Mapping[str, Any]] = {"temperature": 1.0, "top_p": 1.0, "response_format": "auto"}
STUB: Final = "{}"
"""In place of an output that nobody has given."""
EXAMPLE: Final = Conversation(
    [Turn([Said({"role": "user", "content": "Create a visualization of a sinewave"})])]
)


def sample(language: str, assistant: Assistant, thread: Thread | None, base_url: str) -> str:
    """The program's text. It makes the same assistant, says the same on a new thread, runs it at
    the same places, answers functions as they were answered, prints the answers and saves the
    images.

    :param thread: None, or one that nothing was said on, for an example
    :param base_url: the API's address, ending in ``/v1``
    """
    said = conversation.read(thread) if thread else EXAMPLE
    said = said if said.turns else EXAMPLE
    settings = _settings(assistant)
    outputs = _answers(assistant, said)
    context = {
        "assistant": assistant,
        "left_out": said.left_out,
        "has_options": any(turn.options for turn in said.turns),
        "thread": thread,
        "without_output": [name for name in outputs if name not in said.outputs],
        **_WRITERS[language](base_url, settings, said, outputs),
    }
    return render_to_string(f"samples/{TEMPLATES[language]}", context).strip() + "\n"


def _settings(assistant: Assistant) -> Wire:
    """What has to be said to make the same assistant; what is as by default is left out."""
    wire = assistant.to_dict()
    file_ids = assistant.code_interpreter_file_ids
    names = conversation.names_of(assistant.project, file_ids) if file_ids else {}
    wire["tool_resources"] = conversation.present(wire["tool_resources"], names)
    return _written(
        {
            name: wire[name]
            for name in SETTINGS
            if wire[name] not in (None, "", [], {}) and wire[name] != DEFAULTS.get(name)
        }
    )


def _written(fields: Wire) -> Wire:
    """Settings or options without what their tools and formats have by default."""
    written = dict(fields)
    if "tools" in fields:
        written["tools"] = [defaults.tool(one) for one in fields["tools"]]
    if "response_format" in fields:
        written["response_format"] = defaults.answer_format(fields["response_format"])
    if "truncation_strategy" in fields:
        written["truncation_strategy"] = defaults.without(fields["truncation_strategy"])
    return written


def _answers(assistant: Assistant, said: Conversation) -> dict[str, list[str]]:
    """What to answer each function, in order; a stub for one that has had no output."""
    options = [turn.options.get("tools", []) for turn in said.turns]
    offered = [tool for tools in (assistant.tools, *options) for tool in tools]
    names = [tool["function"]["name"] for tool in offered if tool["type"] == "function"]
    return {name: [STUB] for name in names} | said.outputs


def _resources(said: Conversation) -> Wire:
    return {"tool_resources": said.tool_resources} if said.tool_resources else {}


def _python(base_url: str, settings: Wire, said: Conversation, outputs: Wire) -> dict[str, Any]:
    return {
        "base_url": write(base_url, PYTHON),
        "settings": _arguments(settings),
        "resources": _arguments(_resources(said)),
        "outputs": write(outputs, PYTHON, used=10) if outputs else "",
        "turns": [
            (
                [(_arguments(message.body), message.files) for message in turn.said],
                _arguments(_written(turn.options)),
            )
            for turn in said.turns
        ],
    }


def _arguments(values: Wire) -> list[str]:
    """Keyword arguments, one a line."""
    return [f"{name}={write(value, PYTHON, 4, len(name) + 2)}," for name, value in values.items()]


def _node(base_url: str, settings: Wire, said: Conversation, outputs: Wire) -> dict[str, Any]:
    adding = "await client.beta.threads.messages.create(thread.id, );"
    resources = _resources(said)
    return {
        "base_url": write(base_url, JAVASCRIPT),
        "settings": write(settings, JAVASCRIPT, used=60),
        "resources": write(resources, JAVASCRIPT, used=60) if resources else "",
        "outputs": write(outputs, JAVASCRIPT, used=20) if outputs else "",
        "turns": [
            (
                [
                    (write(message.body, JAVASCRIPT, used=len(adding)), message.files)
                    for message in turn.said
                ],
                write(_written(turn.options), JAVASCRIPT, used=20) if turn.options else "",
            )
            for turn in said.turns
        ],
    }


def _curl(base_url: str, settings: Wire, said: Conversation, outputs: Wire) -> dict[str, Any]:
    return {
        "base_url": shlex.quote(base_url),
        "settings": _in_quotes(settings),
        "resources": _in_quotes(_resources(said)),
        "outputs": _in_quotes(outputs) if outputs else "",
        "turns": [
            (
                [(_in_quotes(message.body), message.files) for message in turn.said],
                _in_quotes(_written(turn.options)) if turn.options else "",
            )
            for turn in said.turns
        ],
    }


def _in_quotes(value: Wire) -> str:
    """JSON between the single quotes of a shell."""
    return shlex.quote(write(value, JSON, used=50)).replace("'\"'\"'", "'\\''")


_WRITERS: Final = {"python": _python, "node": _node, "curl": _curl}

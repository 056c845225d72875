"""File search with a model that calls no tools: it is searched for the model, with what the user
has said, and the model is told of it in words.
"""

from collections.abc import Iterable
from typing import Any, Final

from assistants.engine import file_search
from assistants.engine.context import Conversation
from assistants.engine.writer import Database
from assistants.errors import Wire
from assistants.models import Run
from assistants.operations import query_rewriting
from assistants.operations.providers import ChatModel

LONGEST_QUESTION: Final = 1_000
"""Characters of what a user has said that are searched for, the last."""


def can_be_served(run: Run) -> bool:
    """Whether file search is all that the run's model may call. Code and functions need a model
    that calls them.
    """
    return all(tool["type"] == file_search.TOOL for tool in run.tools)


async def queries(
    run: Run, model: ChatModel, conversation: Conversation, database: Database
) -> list[str]:
    """What the user has said last, and what the model makes of it where it follows something."""
    said = [
        text
        for turn in conversation.turns
        for message in turn
        if message["role"] == "user" and (text := _text(message))
    ]
    *before, question = said or ["?"]
    question = question[-LONGEST_QUESTION:]
    if not before:
        return [question]
    pending = await database(query_rewriting.begin, run.thread.project, [question], before, model)
    if pending is not None:
        await file_search.wait(pending.future, pending.seconds_left)
    return query_rewriting.together([question], pending)


def in_words(messages: Iterable[Wire]) -> list[Wire]:
    """The messages without calls: what tools were asked, and answered, stands at the end of the
    user's message before them. A message of its own would be a second one of a user in a row, which
    the templates of some models refuse.
    """
    told: list[Wire] = []
    names: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls", ()):
            function = call["function"]
            names[call["id"]] = f"{function['name']}({function['arguments']})"
        if message["role"] == "tool":
            asked = names.get(message["tool_call_id"], "a tool")
            _append(told, f"[{asked} gave:]\n{message['content']}")
        elif "tool_calls" not in message:
            told.append(message)
        elif message["content"]:
            told.append({"role": message["role"], "content": message["content"]})
    return told


def _append(told: list[Wire], text: str) -> None:
    if not told or told[-1]["role"] != "user":
        told.append({"role": "user", "content": text})
        return
    content: Any = told[-1]["content"]
    if isinstance(content, list):
        content = [*content, {"type": "text", "text": text}]
    else:
        content = f"{content}\n\n{text}"
    told[-1] = {**told[-1], "content": content}


def _text(message: Wire) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content.strip()
    return "\n".join(part["text"] for part in content if part["type"] == "text").strip()

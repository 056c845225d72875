"""File search with a model that calls no tools: it is searched for the model, with what the user
has said, and the model is told of it in words.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from assistants.engine import file_search
from assistants.engine.context import Conversation
from assistants.engine.file_search import FileSearch
from assistants.engine.publisher import Publisher
from assistants.engine.writer import Database, ToolStepWriter
from assistants.errors import Wire
from assistants.models import Run
from assistants.models.base import new_id
from assistants.operations import query_rewriting, steps
from assistants.operations.providers import ChatModel

LONGEST_QUESTION: Final = 1_000
"""Characters of what a user has said that are searched for, the last."""


def can_be_served(run: Run) -> bool:
    """Whether file search is all that the run's model may call. Code and functions need a model
    that calls them.
    """
    return all(tool["type"] == file_search.TOOL for tool in run.tools)


async def search(
    run: Run,
    model: ChatModel,
    conversation: Conversation,
    searching: FileSearch,
    publisher: Publisher,
    database: Database,
) -> list[Wire]:
    """Search for what the user has said last, in a step as if the model had called for it; the
    call and its result, as a turn of the conversation.

    :raises Invalid: a vector store has expired
    :raises LeaseLost: the run is not this worker's any more
    """
    wanted = await _queries(run, model, conversation, database)
    given = file_search.arguments({"queries": wanted})
    call_id = new_id("call_")
    writer = await ToolStepWriter.begin(run, publisher, database)
    place = writer.file_search_call(call_id, searching.ranking_options)
    result = await searching.call(writer, place, given, len(conversation) + 2)
    await publisher.drain()
    found = searching.of(writer.calls)
    await database(steps.finish_tool_calls, run, writer.step, writer.calls, None, {}, found)
    function = {"name": file_search.TOOL, "arguments": given}
    calls = [{"id": call_id, "type": "function", "function": function}]
    return [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": call_id, "content": f"{file_search.CITING}\n\n{result}"},
    ]


async def _queries(
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
        # Not in the few threads that the database has.
        await asyncio.wait([asyncio.wrap_future(pending.future)], timeout=pending.seconds_left)
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

"""What a model is told: instructions, the thread's messages, and what its tools did before, as
Chat Completions messages.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from assistants.engine import file_search
from assistants.engine.markers import defused
from assistants.errors import Wire
from assistants.models import File, Message, Project, Run, RunStep, StepStatus
from assistants.operations import files
from assistants.tools.code_interpreter.files import safe_name

MAX_ANSWER = 4_096
"""Tokens of a model's window that are left for its answer, unless a run names a limit; at most a
quarter of the window.
"""
MESSAGE_TOKENS = 4
"""Around each message."""
IMAGE_TOKENS = {"low": 85}
LARGE_IMAGE_TOKENS = 1_000
"""What an image costs goes by its size in pixels, not in characters; this is about a large one."""

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_IMAGES_BYTES = 30 * 1024 * 1024
"""Of all images of a request together: in base64 they take 40 MB of the 50 that OpenAI accepts, and
of the worker's memory several times as much while they are sent.
"""
IMAGE_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
"""The types that chat models take (https://platform.openai.com/docs/guides/images-vision)."""

MAX_RESULT_CHARS = 20_000

CODE_TOOL = "code_interpreter"
CODE_PARAMETER = "code"

CODE_INSTRUCTIONS = (
    "You can run Python with the tool code_interpreter. Variables and files under /mnt/data stay "
    "for the whole conversation. There is no network. A figure that you draw with matplotlib and "
    "show is displayed to the user by itself; do not link to it. To give the user a file, save it "
    "under /mnt/data and link to it as [name](sandbox:/mnt/data/name)."
)


def code_tool() -> Wire:
    """The code interpreter, described as a function to a chat model."""
    return {
        "type": "function",
        "function": {
            "name": CODE_TOOL,
            "description": "Runs Python code in a sandboxed notebook and returns what it prints.",
            "parameters": {
                "type": "object",
                "properties": {
                    CODE_PARAMETER: {"type": "string", "description": "The Python code to run."}
                },
                "required": [CODE_PARAMETER],
            },
        },
    }


def input_files(run: Run) -> list[File]:
    """The files that the run's code may open, in the order in which they were given."""
    file_ids = run.tool_resources.get("code_interpreter", {}).get("file_ids", [])
    found = File.objects.in_project(run.thread.project).in_bulk(file_ids)
    return [found[file_id] for file_id in file_ids if file_id in found]


Count = Callable[[str], int]
"""How many tokens a text has for the run's model."""


@dataclass
class Conversation:
    """What there is to tell a model: ``turns`` are messages that only make sense together, such as
    tool calls and their results.
    """

    system: str
    turns: list[list[Wire]]

    def __len__(self) -> int:
        """How many messages that are."""
        return sum(map(len, self.turns)) + bool(self.system)

    def has_image_files(self) -> bool:
        """Whether the content of files has to be read to tell it."""
        return any(
            part["type"] == "image_file"
            for turn in self.turns
            for message in turn
            if isinstance(parts := message.get("content"), list)
            for part in parts
        )

    def fitting(self, budget: int, count: Count) -> list[Wire]:
        """What fits into so many tokens, the newest first. The last turn is always among it, and
        the last that a user wrote, since without them there is nothing to answer.
        """
        asked = [place for place, turn in enumerate(self.turns) if turn and _is_users(turn[0])]
        kept = {*asked[-1:], *range(len(self.turns))[-1:]}
        budget -= count(self.system)
        budget -= sum(size(message, count) for place in kept for message in self.turns[place])
        for place in sorted(set(range(len(self.turns))) - kept, reverse=True):
            budget -= sum(size(message, count) for message in self.turns[place])
            if budget < 0:
                break
            kept.add(place)
        told = [message for place in sorted(kept) for message in self.turns[place]]
        return [{"role": "system", "content": self.system}, *told] if self.system else told


def _is_users(message: Wire) -> bool:
    return bool(message["role"] == "user")


def build(run: Run, packages: Sequence[str] = ()) -> Conversation:
    """All that the run's model may be told.

    :param packages: what its code may import

    Earlier tool calls are part of it, in their place between the messages, so that "show me the
    code" and "make it dark" can be answered, and the markers of earlier citations still name what
    was found. What was said by a run is shown once: its messages and its tool steps.
    """
    messages = _messages(run)
    steps = _tool_steps(run, messages)
    names = _image_names(run.thread.project, steps)
    calls = [call for step in steps for call in step.step_details["tool_calls"]]
    gone = file_search.gone(run, calls)
    history: list[Message | RunStep] = [*messages, *steps]
    history.sort(key=lambda item: (item.created_at, item.id))
    cites = file_search.cites(run)
    turns = [
        _of_message(item, cites=cites)
        if isinstance(item, Message)
        else _of_step(item, names, run, gone, cites=cites)
        for item in history
    ]
    return Conversation(_system(run, packages), turns)


def tool_result(logs: str, image_names: Iterable[str], saved_paths: Iterable[str]) -> str:
    """What a model hears of a code call: its output, and a line for each figure and saved file."""
    if len(logs) > MAX_RESULT_CHARS:
        half = MAX_RESULT_CHARS // 2
        cut = len(logs) - MAX_RESULT_CHARS
        logs = f"{logs[:half]}\n[{cut} characters left out]\n{logs[-half:]}"
    lines = [logs.rstrip()] if logs.strip() else []
    lines += [f"[image shown to the user: {name}]" for name in image_names]
    lines += [f"[file saved: {path}]" for path in saved_paths]
    return "\n".join(lines) or "(no output)"


def _messages(run: Run) -> list[Message]:
    """The thread's messages, the newest only where the run says so."""
    found = run.thread.messages.exclude(status=Message.Status.IN_PROGRESS)
    strategy = run.truncation_strategy
    if strategy.get("type") == "last_messages" and strategy.get("last_messages"):
        return list(found.newest_first()[: strategy["last_messages"]])
    return list(found.newest_first()[:1000])


def _tool_steps(run: Run, messages: list[Message]) -> list[RunStep]:
    """The finished tool steps since the oldest of these messages.

    Those without a call (the model named a tool that is not there) and those that were cut off in
    the middle of one are left out: chat models refuse them.
    """
    found = RunStep.objects.filter(
        run__thread=run.thread_id, type="tool_calls", status=StepStatus.COMPLETED
    )
    if messages:
        found = found.filter(created_at__gte=min(message.created_at for message in messages))
    return [step for step in found.newest_first()[:200] if _is_whole(step)]


def _is_whole(step: RunStep) -> bool:
    calls = step.step_details["tool_calls"]
    cut_off = any(
        (call["type"] == "function" and call["function"]["output"] is None)
        or (call["type"] == file_search.TOOL and call["id"] not in step.searches)
        for call in calls
    )
    return bool(calls) and not cut_off


def _system(run: Run, packages: Sequence[str]) -> str:
    parts = [run.instructions or ""]
    if run.has_tool("code_interpreter"):
        installed = f" Packages: {', '.join(packages)}." if packages else ""
        parts.append(CODE_INSTRUCTIONS + installed)
        if given := input_files(run):
            parts.append("\n".join(["Files you can open with code:", *_file_lines(given)]))
    if run.has_tool(file_search.TOOL):
        parts.append(file_search.listing(run))
    return "\n\n".join(part for part in parts if part)


def _file_lines(given: list[File]) -> list[str]:
    """A line for each file. Where files share a name, which of them has it in the sandbox."""
    sharing = Counter(safe_name(file.filename) for file in given)
    newest = {safe_name(file.filename): file for file in given}
    lines = []
    for file in given:
        name = safe_name(file.filename)
        line = f"- /mnt/data/{file.id} ({file.filename}, {file.bytes} bytes)"
        if sharing[name] > 1:
            line += (
                f"; the newest of this name, so it is /mnt/data/{name} too"
                if newest[name] is file
                else f"; older than /mnt/data/{name}, only under this path"
            )
        lines.append(line)
    return lines


def budget(run: Run, window: int, spent: Wire) -> int:
    """How many tokens of conversation the run's next turn may have.

    :param window: what the model can read and write in one go
    :param spent: what the run's turns have used so far
    """
    answer = min(MAX_ANSWER, window // 4)
    if run.max_completion_tokens:
        answer = min(answer, run.max_completion_tokens)
    if run.max_prompt_tokens:
        return min(window - answer, run.max_prompt_tokens - int(spent["prompt_tokens"]))
    return window - answer


def told(
    run: Run, conversation: Conversation, tokens: int, count: Count, *, sees: bool
) -> tuple[list[Wire], int]:
    """What of the conversation fits into so many tokens, as the model is sent it, and how many
    tokens that is.

    :param sees: whether the model takes images
    """
    messages = conversation.fitting(tokens, count)
    length = sum(size(message, count) for message in messages)
    return (_with_images(run, messages) if sees else _without_images(messages)), length


def size(message: Wire, count: Count) -> int:
    """How many tokens a message has."""
    content = message.get("content") or ""
    calls = json.dumps(message["tool_calls"]) if "tool_calls" in message else ""
    if isinstance(content, list):
        return sum(_part_size(part, count) for part in content)
    return MESSAGE_TOKENS + count(content) + count(calls)


def _part_size(part: Wire, count: Count) -> int:
    if part["type"] == "text":
        return count(part["text"])
    image: Wire = part[part["type"]]
    return IMAGE_TOKENS.get(image.get("detail", ""), LARGE_IMAGE_TOKENS)


def _of_message(message: Message, *, cites: bool) -> list[Wire]:
    """
    :param cites: whether markers become citations in this run; then there are none but those that
        are citations already
    """
    parts = [_part(message.role, part, cites=cites) for part in message.content]
    if all(part["type"] == "text" for part in parts):
        text = "\n".join(part["text"] for part in parts)
        if message.role == "assistant" and not text.strip():
            # One that was stopped before its first word. Chat models refuse to have said nothing.
            return []
        return [{"role": message.role, "content": text}]
    return [{"role": message.role, "content": parts}]


def _part(role: str, part: Wire, *, cites: bool) -> Wire:
    if part["type"] == "text":
        text = part["text"]["value"]
        return {"type": "text", "text": _cited(part["text"]) if cites else text}
    if role == "assistant":
        # Chat Completions takes images from users only, and the model knows what it drew.
        return {"type": "text", "text": "[image shown to the user]"}
    return part


def _cited(said: Wire) -> str:
    """A text without markers, apart from its own citations."""
    text, told, end = said["value"], [], 0
    for annotation in sorted(said["annotations"], key=lambda one: int(one["start_index"])):
        start = annotation["start_index"]
        if annotation["type"] == "file_citation" and start >= end:
            told.append(defused(text[end:start]))
            end = annotation["end_index"]
            told.append(text[start:end])
    return "".join([*told, defused(text[end:])])


def _with_images(run: Run, conversation: list[Wire]) -> list[Wire]:
    """The messages with the bytes of their image files, the newest first as long as there is room.
    Only what is sent is read.
    """
    filled: list[Wire] = []
    room = MAX_IMAGES_BYTES
    for message in reversed(conversation):
        content = message.get("content")
        if not isinstance(content, list):
            filled.append(message)
            continue
        parts: list[Wire] = []
        for part in reversed(content):
            parts.append(_filled(run, part, room))
            room -= _weight(parts[-1])
        filled.append({**message, "content": parts[::-1]})
    return filled[::-1]


def _without_images(conversation: list[Wire]) -> list[Wire]:
    """The messages for a model that cannot see. It is told that there was something."""
    return [
        {**message, "content": [_unseen(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in conversation
    ]


def _unseen(part: Wire) -> Wire:
    text = "[an image is here, which this model cannot see]"
    return part if part["type"] == "text" else {"type": "text", "text": text}


def _filled(run: Run, part: Wire, room: int) -> Wire:
    """The part with its image, if that has no more than ``room`` bytes."""
    if part["type"] == "image_file":
        return _image_file(run, part, room)
    return part if _weight(part) <= room else _left_out("an image")


def _weight(part: Wire) -> int:
    """How many bytes of image a part carries itself; an address on the web carries none."""
    url = part["image_url"]["url"] if part["type"] == "image_url" else ""
    return len(url) * 3 // 4 if url.startswith("data:") else 0


def _left_out(name: str) -> Wire:
    text = f"[{name} is left out: newer images take all the room of one request]"
    return {"type": "text", "text": text}


def _image_file(run: Run, part: Wire, room: int) -> Wire:
    """An image file of a message as a data URL, which is how Chat Completions takes bytes."""
    image = part["image_file"]
    file = File.objects.in_project(run.thread.project).filter(pk=image["file_id"]).first()
    if file is None:
        return {"type": "text", "text": "[an image that is not there any more]"}
    if file.bytes > MAX_IMAGE_BYTES:
        return {"type": "text", "text": f"[an image that is too large to show: {file.filename}]"}
    if file.bytes > room:
        return _left_out(f"the image {file.filename}")
    with files.open_content(file) as content:
        data = content.read()
    # By its first bytes, not by its name: a provider refuses the whole request for a wrong type.
    kind = next((kind for begin, kind in IMAGE_BEGINNINGS if data.startswith(begin)), None)
    if kind is None:
        return {"type": "text", "text": f"[not an image that can be shown: {file.filename}]"}
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url, "detail": image.get("detail", "auto")}}


def _image_names(project: Project, steps: Iterable[RunStep]) -> dict[str, str]:
    """The names of the figures of all these steps, by their files' ids, with one query."""
    calls = [call for step in steps for call in step.step_details["tool_calls"]]
    found = File.objects.in_project(project).filter(pk__in=_image_ids(calls))
    return dict(found.values_list("pk", "filename"))


def _of_step(
    step: RunStep,
    image_names: dict[str, str],
    run: Run,
    gone: Collection[str],
    *,
    cites: bool,
) -> list[Wire]:
    """An assistant's tool calls and their results, without what stood in files that are gone."""
    calls = step.step_details["tool_calls"]
    made = [_call(call, step) for call in calls]
    # Not null: some servers refuse that beside calls.
    asked = {"role": "assistant", "content": "", "tool_calls": made}
    results = []
    for call in calls:
        if call["type"] == "function":
            text = call["function"]["output"] or ""
        elif call["type"] == file_search.TOOL:
            tokens = file_search.result_tokens(run, earlier=step.run_id != run.id)
            text = file_search.told(call, step.searches[call["id"]], tokens=tokens, gone=gone)
        else:
            outputs = call["code_interpreter"]["outputs"]
            logs = "".join(output["logs"] for output in outputs if output["type"] == "logs")
            images = [image_names.get(file_id, "image") for file_id in _image_ids([call])]
            # A step keeps one list of saved files; the first call speaks for all.
            saved = step.saved_files if call is calls[0] else {}
            text = tool_result(logs, images, saved)
        if cites and call["type"] != file_search.TOOL:
            text = defused(text)
        results.append({"role": "tool", "tool_call_id": call["id"], "content": text})
    return [asked, *results]


def _image_ids(calls: list[Wire]) -> list[str]:
    return [
        output["image"]["file_id"]
        for call in calls
        if call["type"] == "code_interpreter"
        for output in call["code_interpreter"]["outputs"]
        if output["type"] == "image"
    ]


def _call(call: Wire, step: RunStep) -> Wire:
    if call["type"] == "function":
        name, arguments = call["function"]["name"], call["function"]["arguments"]
    elif call["type"] == file_search.TOOL:
        name, arguments = file_search.TOOL, file_search.arguments(step.searches[call["id"]])
    else:
        name = CODE_TOOL
        arguments = json.dumps({CODE_PARAMETER: call["code_interpreter"]["input"]})
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def saved_files(run: Run) -> dict[str, str]:
    """Ids of the files that code saved in the thread so far, by their paths; the newest of a
    path counts.
    """
    steps = RunStep.objects.filter(run__thread=run.thread_id, type="tool_calls")
    saved: dict[str, str] = {}
    for found in steps.exclude(saved_files={}).oldest_first().values_list("saved_files", flat=True):
        saved.update(found)
    return saved

"""Reads a Chat Completions request the way a model would: who said what, which tools there are.

Requests come from anywhere, so every field may be missing or of the wrong kind; whatever cannot be
read counts as absent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assistants.engine.demo.output import Output
from assistants.engine.demo.words import Language, heard, language_of

Json = dict[str, Any]

CODE_TOOL = "code_interpreter"
SEARCH_TOOL = "file_search"
LONGEST_TEXT = 2_000
"""Characters of a message that are looked through for what it wants; patterns cost time."""

FILES_HEADING = "Files you can open with code:"
SEARCH_HEADING = "Files you can search with file_search:"
UNREAD_HEADING = "Files that you cannot search."
FILE_LINE = re.compile(r"^- (?P<path>/mnt/data/\S+) \((?P<name>.+), (?P<size>\d+) bytes\)(;|$)")

TABLES = {"csv", "tsv", "xlsx", "xls", "json", "jsonl", "parquet"}


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that code can open."""

    path: str
    name: str
    size: int

    @property
    def extension(self) -> str:
        """Lower case, without the dot; "" when there is none."""
        _, dot, extension = self.name.rpartition(".")
        return extension.lower() if dot else ""

    @property
    def is_table(self) -> bool:
        return self.extension in TABLES


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the past, with what the tool answered (None: nothing yet)."""

    name: str
    arguments: Json
    answer: str | None

    @property
    def code(self) -> str:
        """The Python of a code call; "" for other tools."""
        code = self.arguments.get("code")
        return code if self.name == CODE_TOOL and isinstance(code, str) else ""

    @property
    def output(self) -> Output:
        return Output.read(self.answer or "")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the request asks for."""

    text: str = ""
    """What the user wrote last; the beginning of it, if it is long."""
    whole_text: str = ""
    language: Language = "en"
    instructions: str = ""
    files: tuple[AttachedFile, ...] = ()
    """Oldest first."""
    searchable: bool = False
    """Whether there are files to be searched."""
    unread: tuple[str, ...] = ()
    """Names of files that cannot be searched, each with the reason."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    tool_choice: Literal["auto", "none", "required"] = "auto"
    forced_tool: str | None = None
    """The tool that this request must call, by name."""
    parallel_calls: bool = True
    text_before: str = ""
    """The user's message before the last."""
    past: tuple[Call, ...] = ()
    """Calls made before the user's last message, oldest first."""
    current: tuple[Call, ...] = ()
    """Calls made since then."""
    answered: tuple[Call, ...] = ()
    """Calls whose answers have just come back: the request ends with them."""
    answer_schema: Json | None = None
    """The JSON schema that the answer must follow; {} for any JSON object, None for plain text."""

    @classmethod
    def read(cls, request: Json) -> "Conversation":
        messages = [message for message in _list(request.get("messages")) if _is_object(message)]
        system = "\n\n".join(
            _text(message) for message in messages if message.get("role") in ("system", "developer")
        )
        users = [at for at, message in enumerate(messages) if _said_by_user(message)]
        turn = users[-1] if users else len(messages)
        whole_text = _text(messages[turn]) if users else ""
        text = whole_text[:LONGEST_TEXT]
        answers = _answers(messages)
        current = tuple(_calls(messages[turn:], answers))
        ends_with_answer = bool(messages) and messages[-1].get("role") == "tool"
        tool_choice, forced = _tool_choice(request.get("tool_choice"))
        return cls(
            text=text,
            whole_text=whole_text,
            text_before=_text(messages[users[-2]])[:LONGEST_TEXT] if len(users) > 1 else "",
            language=language_of(text, *(_text(messages[at]) for at in reversed(users[:-1]))),
            instructions=_instructions(system),
            files=tuple(_files(system)),
            searchable=SEARCH_HEADING in system,
            unread=tuple(_unread(system)),
            tools=dict(_tools(request.get("tools"))) if tool_choice != "none" else {},
            tool_choice=tool_choice,
            forced_tool=forced,
            parallel_calls=request.get("parallel_tool_calls") is not False,
            past=tuple(_calls(messages[:turn], answers)),
            current=current,
            answered=tuple(_just_answered(messages, answers)) if ends_with_answer else (),
            answer_schema=_answer_schema(request.get("response_format")),
        )

    @property
    def can_run_code(self) -> bool:
        tool = self.tools.get(CODE_TOOL)
        return tool is not None and "code" in tool.parameters.get("properties", {})

    @property
    def can_search(self) -> bool:
        tool = self.tools.get(SEARCH_TOOL)
        return tool is not None and "queries" in tool.parameters.get("properties", {})

    @property
    def functions(self) -> tuple[Tool, ...]:
        """The tools that are the caller's own."""
        return tuple(tool for tool in self.tools.values() if tool.name not in BUILT_IN_TOOLS)

    @property
    def code_runs(self) -> int:
        """How often code was run for the user's last message."""
        return sum(1 for call in self.current if call.code)

    @property
    def last_code(self) -> Call | None:
        """The last code that was run before this message."""
        return next((call for call in reversed(self.past) if call.code), None)

    @property
    def last_plot(self) -> Call | None:
        """The last code before this message that drew something and did not fail."""
        drawings = (call for call in reversed(self.past) if "plt." in call.code)
        return next((call for call in drawings if not call.output.failed), None)

    @property
    def wants_code_shown(self) -> bool:
        """The instructions ask to show code before it runs."""
        return bool(SHOW_CODE_FIRST.search(self.instructions))

    @property
    def meant_files(self) -> tuple[AttachedFile, ...]:
        """Those that the text names, or all where it speaks of several, else the newest one."""
        named = tuple(file for file in self.files if file.name.lower() in self.text.lower())
        if named:
            return named if len({file.name for file in named}) > 1 else named[-1:]
        return self.files if SEVERAL_FILES.search(self.text) else self.files[-1:]

    def file(self, *, tables_only: bool = False) -> AttachedFile | None:
        """The file that the text names, else the newest one of the wanted kind."""
        files = [file for file in self.files if file.is_table or not tables_only]
        named = [file for file in files if file.name.lower() in self.text.lower()]
        fitting = named or files
        return fitting[-1] if fitting else None


SEVERAL_FILES = heard(
    r"\b(?:files|documents|tables|texts|attachments|uploads|spreadsheets|datasets|pdfs|csvs|both)\b"
    r"|\b(?:all|each|every) (?:of )?(?:the |my )?(?:file|document|table|attachment|upload)"
    r"|\b(?:all|each) of (?:them|these)\b"
    r"|(?:這些|所有|全部|各個?|每個|兩個)的?(?:檔|資料|文件|附件|表格)"
)
BUILT_IN_TOOLS = {CODE_TOOL, SEARCH_TOOL}
SHOW_CODE_FIRST = heard(
    r"preview of the code|(?:show|display)\W+(?:\w+\W+){0,3}code|預覽.{0,6}程式碼|顯示.{0,6}程式碼"
)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = (_object(part).get("text") for part in _list(content))
    return "\n".join(part for part in parts if isinstance(part, str))


def _said_by_user(message: Json) -> bool:
    return message.get("role") == "user" and bool(_text(message).strip())


def _instructions(system: str) -> str:
    """The assistant's own, without what every model is told about its tools."""
    for heading in (FILES_HEADING, SEARCH_HEADING, UNREAD_HEADING):
        system = system.split(heading, 1)[0]
    paragraphs = system.split("\n\n")
    return "\n\n".join(one for one in paragraphs if CODE_TOOL not in one).strip()


def _files(system: str) -> Iterator[AttachedFile]:
    _, _, listed = system.partition(FILES_HEADING)
    for line in listed.splitlines():
        if found := FILE_LINE.match(line.strip()):
            yield AttachedFile(found["path"], found["name"], int(found["size"][:15]))


def _unread(system: str) -> Iterator[str]:
    _, _, listed = system.partition(UNREAD_HEADING)
    for line in listed.splitlines()[1:]:
        if not line.startswith("- "):
            return
        yield line.removeprefix("- ")


def _tools(value: object) -> Iterator[tuple[str, Tool]]:
    for tool in _list(value):
        function = _object(_object(tool).get("function"))
        name = function.get("name")
        if isinstance(name, str) and name:
            description = function.get("description")
            yield (
                name,
                Tool(
                    name,
                    description if isinstance(description, str) else "",
                    _object(function.get("parameters")),
                ),
            )


def _tool_choice(value: object) -> tuple[Literal["auto", "none", "required"], str | None]:
    if value == "none":
        return "none", None
    if value == "required":
        return "required", None
    name = _object(_object(value).get("function")).get("name")
    return "auto", name if isinstance(name, str) else None


def _answer_schema(value: object) -> Json | None:
    asked = _object(value)
    if asked.get("type") == "json_schema":
        return _object(_object(asked.get("json_schema")).get("schema"))
    return {} if asked.get("type") == "json_object" else None


def _answers(messages: list[Json]) -> dict[str, str]:
    """What the tools answered, by the id of the call."""
    return {
        str(message.get("tool_call_id")): _text(message)
        for message in messages
        if message.get("role") == "tool"
    }


def _calls(messages: list[Json], answers: Mapping[str, str]) -> Iterator[Call]:
    for message in messages:
        for made in _list(message.get("tool_calls")):
            function = _object(_object(made).get("function"))
            yield Call(
                str(function.get("name", "")),
                _arguments(function.get("arguments")),
                answers.get(str(_object(made).get("id"))),
            )


def _just_answered(messages: list[Json], answers: Mapping[str, str]) -> Iterator[Call]:
    """The calls of the last message that made any."""
    for message in reversed(messages):
        if message.get("tool_calls"):
            yield from _calls([message], answers)
            return


def _arguments(value: object) -> Json:
    try:
        return _object(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}

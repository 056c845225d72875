"""Executing one run: ask the model, run what it calls, ask again, until it has answered.

The run is claimed already. Whatever happens here, it leaves with one end: completed, incomplete,
failed, cancelled, expired, or waiting for the outputs of functions. See docs/architecture.md, "The
life of a run".
"""

import logging
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

import jiter
from typing_extensions import override

from assistants import metrics, tokens
from assistants.engine import context, file_search, toolless
from assistants.engine.chat.stream import Finished, Text, ToolCallPart
from assistants.engine.code import CodeRunner
from assistants.engine.context import Conversation
from assistants.engine.executing import Executing, Services
from assistants.engine.file_search import FileSearch
from assistants.engine.growing import Growing
from assistants.engine.markers import Markers, defused
from assistants.engine.tokens import Usage
from assistants.engine.writer import MessageWriter, ToolStepWriter
from assistants.errors import Wire
from assistants.models import Run, RunStatus, clock
from assistants.models.base import new_id
from assistants.operations import endings, execution, providers, steps
from assistants.operations.chat_failures import ChatError, NoTools
from assistants.operations.endings import Partial
from assistants.operations.model_facts import own_name
from assistants.operations.providers import ChatModel
from assistants.text import storable_json
from assistants.traces import tracer

logger = logging.getLogger(__name__)

MAX_TURNS = 50
"""A model that still calls tools after so many turns goes in circles."""

MAX_MISSES = 3
"""A model that calls so often in a row what is not there will not find out."""

NO_CODE = (
    "Nothing was run: the arguments hold no code. They must be a JSON object with the code as the "
    'string "code".'
)

SHORT_CALL = 4096
LOOKS_IN_A_CALL = 32
"""Code is looked for in the arguments of a call with each piece while they have so many characters,
and whenever they have grown by so small a part of themselves after that.
"""


@dataclass
class _Call:
    """A tool call as the model streams it."""

    name: str
    place: int | None
    """Its place in the step; None for a tool that the run does not have."""
    id: str = field(default_factory=lambda: new_id("call_"))
    given: Growing = field(default_factory=Growing)
    sent: int = 0
    """Characters of its code that the step tells."""
    read: int = 0
    """Characters of its arguments that were there at the last look for more code."""

    @property
    def arguments(self) -> str:
        return str(self.given)

    @property
    def has_news(self) -> bool:
        """Whether to look for more code. A look reads all that has come, so in a long call it waits
        for a little more.
        """
        return len(self.given) - self.read >= (self.read - SHORT_CALL) / LOOKS_IN_A_CALL

    def code(self) -> str:
        """The code in the arguments, as far as they have come."""
        arguments = self.arguments
        self.read = len(arguments)
        try:
            parsed = jiter.from_json(
                storable_json(arguments).encode(), partial_mode="trailing-strings"
            )
        except ValueError:
            # Some models send the code itself instead of JSON around it.
            return "" if arguments.lstrip().startswith("{") else arguments
        code = parsed.get(context.CODE_PARAMETER, "") if isinstance(parsed, dict) else parsed
        return code if isinstance(code, str) else ""


@dataclass
class _Turn:
    """One answer of the model."""

    text: Growing = field(default_factory=Growing)
    calls: list[_Call] = field(default_factory=list)
    reason: str = ""
    usage: Usage | None = None


class Execution(Executing):
    """One run whose model is asked from here."""

    def __init__(self, run: Run, services: Services) -> None:
        super().__init__(run, services)
        self._message: MessageWriter | None = None
        self._tools: ToolStepWriter | None = None
        self._code = CodeRunner(run, services.interpreter, services.database, services.storage)
        self._search = FileSearch(run, services.database)
        self._spent = endings.total_usage([])
        self._provider = "the provider"
        """The name of who answers."""
        self._toolless = False
        """Whether the model was found to call no tools, so that it is searched in its place."""
        self._begun = False
        """Whether the model has begun to answer."""
        self._spoken = False
        """Whether the run has said anything so far."""
        self._uncounted: _Turn | None = None
        """The turn whose tokens are in no step yet."""

    @property
    @override
    def _answering(self) -> str:
        return f"{self.run.model} of {self._provider}"

    @override
    async def _end(
        self, status: RunStatus, error: Wire | None = None, incomplete: str | None = None
    ) -> None:
        await self._settle(
            execution.end_early,
            status=status,
            error=error,
            incomplete=incomplete,
            unrecorded=self._unrecorded(),
        )

    def _unrecorded(self) -> Wire | None:
        """What was used by a turn that was broken off, as far as that is known: most providers
        count at the end only.
        """
        turn = self._uncounted
        if turn is None or turn.usage is None:
            return None
        if turn.usage.completion:
            return turn.usage.to_dict()
        said = [str(turn.text), *(call.arguments for call in turn.calls)]
        spoken = tokens.count("".join(said), own_name(self.run.answered_by or self.run.model))
        return replace(turn.usage, completion=spoken).to_dict()

    def _count(self) -> Wire | None:
        """What the turn used, for whoever writes it at this moment: from here on it counts as
        written, also when the run is interrupted while that is done.
        """
        turn, self._uncounted = self._uncounted, None
        return turn.usage.to_dict() if turn and turn.usage else None

    @override
    def _before_end(self) -> None:
        self._tell_rest()

    @override
    def _partial(self) -> Partial:
        message, tools = self._message, self._tools
        return Partial(
            {message.message.id: message.content} if message else {},
            {tools.step.id: tools.details} if tools else {},
            {tools.step.id: self._code.saved} if tools else {},
            {tools.step.id: self._search.of(tools.calls)} if tools else {},
        )

    # --- the loop
    # -----------------------------------------------------------------------------------

    @override
    async def _work(self) -> None:
        await self._search.ready()
        has_code = self.run.has_tool("code_interpreter")
        packages = await self._services.interpreter.packages() if has_code else []
        conversation, model, resumed = await self._services.database(self._prepare, packages)
        known = self._services.asking.abilities.calls_tools(model)
        if self._search.offered and not known and toolless.can_be_served(self.run):
            await self._search_for(model, conversation)
        misses = 0
        for number in range(MAX_TURNS):
            if reason := self._exhausted():
                await self._end(RunStatus.INCOMPLETE, incomplete=reason)
                return
            # A tool that was forced is called once; after that the model must be free to answer.
            forced = number == 0 and not resumed
            try:
                turn = await self._turn(conversation, model, forced=forced)
            except NoTools:
                if self._toolless or not toolless.can_be_served(self.run):
                    raise
                await self._search_for(model, conversation)
                continue
            if turn.reason in ("length", "content_filter"):
                await self._cut_short(turn)
                return
            if not turn.calls:
                await self._answered(turn)
                return
            misses = 0 if any(call.place is not None for call in turn.calls) else misses + 1
            if misses == MAX_MISSES:
                raise self._lost_in_tools(turn)
            results = await self._carry_out(turn, len(conversation))
            if results is None:
                return
            conversation.turns.append([_asked(turn), *results])
        message = (
            f"{self._provider} called tools {MAX_TURNS} times without an answer. Tell the "
            "assistant in its instructions when to stop, or choose another model."
        )
        raise ChatError("server_error", message)

    def _lost_in_tools(self, turn: _Turn) -> ChatError:
        names = ", ".join(sorted({repr(call.name[:64]) for call in turn.calls})[:3])
        return ChatError(
            "server_error",
            f"{self._provider} called tools that this run does not have ({names}), {MAX_MISSES} "
            "times in a row. Choose another model, or name the tools in the instructions.",
        )

    async def _search_for(self, model: ChatModel, conversation: Conversation) -> None:
        """The model calls no tools: search in its place, unless the run is not to."""
        self._toolless = True
        if self.run.tool_choice == "none":
            return
        services = self._services
        queries = await toolless.queries(self.run, model, conversation, services.database)
        turn = self._uncounted = _Turn()
        self._tools = await ToolStepWriter.begin(self.run, services.publisher, services.database)
        call = self._open_call(self._tools, file_search.TOOL)
        call.given.append(file_search.arguments({"queries": queries}))
        turn.calls.append(call)
        results = await self._carry_out(turn, len(conversation)) or []
        for result in results:
            result["content"] = f"{file_search.CITING}\n\n{result['content']}"
        conversation.turns.append([_asked(turn), *results])

    def _prepare(self, packages: list[str]) -> tuple[Conversation, ChatModel, bool]:
        """What is read from the database before the first turn: the conversation, the model, and
        whether the run goes on after functions were called.
        """
        run = self.run
        taken = list(run.steps.values_list("type", "usage"))
        self._spent = endings.total_usage(usage for _, usage in taken)
        self._spoken = any(kind == "message_creation" for kind, _ in taken)
        self._search.remember()
        model = providers.called(run.answered_by or run.model, run.thread.project)
        self._provider = model.provider.label
        return context.build(run, packages), model, bool(taken)

    def _exhausted(self) -> str | None:
        """Which of the run's limits on tokens, over all its turns, leaves no room for another."""
        for kind, limit in (
            ("completion", self.run.max_completion_tokens),
            ("prompt", self.run.max_prompt_tokens),
        ):
            if limit and self._spent[f"{kind}_tokens"] >= limit:
                return f"max_{kind}_tokens"
        return None

    async def _turn(self, conversation: Conversation, model: ChatModel, *, forced: bool) -> _Turn:
        """Ask the model once and write what it says as it comes."""
        turn, options = _Turn(), self._options(forced=forced)
        self._uncounted = turn
        asking = self._services.asking
        answer = asking.answer(self.run, model, conversation, options, self._spent)
        async with aclosing(answer) as parts:
            async for part in parts:
                if not self._begun and isinstance(part, Text | ToolCallPart):
                    self._note_beginning()
                match part:
                    case Text(text):
                        turn.text.append(text)
                        (await self._open_message()).text(text)
                    case ToolCallPart():
                        await self._tool_call(turn, part)
                    case Finished(reason):
                        turn.reason = reason
                    case Usage():
                        turn.usage = part
        self._tell_rest()
        if turn.usage:
            self._spent = endings.total_usage([self._spent, turn.usage.to_dict()])
            limit = self.run.max_completion_tokens
            beyond = limit and turn.usage.told and self._spent["completion_tokens"] > limit
            if beyond and not turn.calls and turn.reason in ("stop", ""):
                turn.reason = "length"
        return turn

    def _note_beginning(self) -> None:
        self._begun = True
        if self.run.started_at is not None:
            took = clock.now() - self.run.started_at
            metrics.first_token_seconds.observe(took.total_seconds())

    def _options(self, *, forced: bool) -> Wire:
        """The parameters of the request, without those that stand at their defaults: not every
        server knows them.
        """
        run = self.run
        options: Wire = {}
        tools = [tool for tool in run.tools if tool["type"] == "function"]
        if self._search.offered and not self._toolless:
            tools = [file_search.tool(), *tools]
        if run.has_tool("code_interpreter"):
            tools = [context.code_tool(), *tools]
        if tools:
            options["tools"] = tools
            if forced and run.tool_choice != "auto":
                options["tool_choice"] = _tool_choice(run.tool_choice)
            if not run.parallel_tool_calls:
                options["parallel_tool_calls"] = False
        if run.temperature not in (None, 1.0):
            options["temperature"] = run.temperature
        if run.top_p not in (None, 1.0):
            options["top_p"] = run.top_p
        if run.response_format not in (None, "auto"):
            options["response_format"] = run.response_format
        if run.reasoning_effort:
            options["reasoning_effort"] = run.reasoning_effort
        if run.max_completion_tokens:
            left = run.max_completion_tokens - self._spent["completion_tokens"]
            options["max_completion_tokens"] = left
        return options

    async def _open_message(self) -> MessageWriter:
        """The open message; a new one begins with the figures that no message shows yet."""
        if self._message is None:
            services = self._services
            markers = Markers(self._search.sources, expected=self._search.offered)
            self._message = await MessageWriter.begin(
                self.run, services.publisher, services.database, markers
            )
            for file_id in self._code.images:
                self._message.image(file_id)
            self._code.images.clear()
        return self._message

    async def _close_message(self, *, last: bool = True, incomplete: str | None = None) -> None:
        """
        :param last: whether the turn's tokens are those of this message
        """
        message = await self._open_message()
        saved = self._code.saved
        if any("sandbox:" in part.get("text", {}).get("value", "") for part in message.content):
            saved = await self._services.database(context.saved_files, self.run) | saved
        usage = self._count if last else _none
        await message.finish(self._services.database, usage, saved, incomplete=incomplete)
        self._message = None
        self._spoken = True

    async def _tool_call(self, turn: _Turn, part: ToolCallPart) -> None:
        """Take in a piece of a tool call."""
        if self._message is not None and self._tools is None:
            await self._close_message(last=False)
        if self._tools is None:
            services = self._services
            self._tools = await ToolStepWriter.begin(
                self.run, services.publisher, services.database
            )
        if part.index == len(turn.calls):
            turn.calls.append(self._open_call(self._tools, part.name))
        call = turn.calls[part.index]
        call.given.append(part.arguments)
        if call.place is None:
            return
        if call.name == context.CODE_TOOL:
            if call.has_news:
                self._tell_code(call)
        elif part.arguments and call.name != file_search.TOOL:
            self._tools.arguments(call.place, part.arguments)

    def _tell_code(self, call: _Call) -> None:
        """Write what is new of a call's code."""
        code = call.code()
        if self._tools is not None and call.place is not None and len(code) > call.sent:
            self._tools.code(call.place, code[call.sent :])
            call.sent = len(code)

    def _tell_rest(self) -> None:
        """Write what has come of the turn's code and was not told yet."""
        for call in self._uncounted.calls if self._uncounted else ():
            if call.name == context.CODE_TOOL:
                self._tell_code(call)

    def _open_call(self, tools: ToolStepWriter, name: str) -> _Call:
        call = _Call(name, None)
        if name == context.CODE_TOOL and self.run.has_tool("code_interpreter"):
            call.place = tools.code_call(call.id)
        elif name == file_search.TOOL and self._search.offered:
            call.place = tools.file_search_call(call.id, self._search.ranking_options)
        elif any(tool.get("function", {}).get("name") == name for tool in self.run.tools):
            call.place = tools.function_call(call.id, name)
        return call

    async def _carry_out(self, turn: _Turn, before: int) -> list[Wire] | None:
        """Run the calls of a turn. Their results for the model, or None when the run now waits
        for functions.

        :param before: how many messages the model has seen
        """
        tools = self._tools
        if tools is None:
            raise ChatError("server_error", "The model called a tool without naming it.")
        if self._message is not None:
            # Some models go on talking after they have called a tool.
            await self._close_message(last=False)
        results: list[Wire] = []
        # After those messages comes the one that calls.
        for position, call in enumerate(turn.calls, before + 2):
            if call.place is None:
                content = f"There is no tool named {call.name!r}."
            elif call.name == context.CODE_TOOL and not call.code().strip():
                content = NO_CODE
            elif call.name == context.CODE_TOOL:
                with _watched("code_interpreter"):
                    content = await self._code.call(tools, call.place, call.code())
                if self._search.offered or self._search.sources:
                    content = defused(content)
            elif call.name == file_search.TOOL:
                with _watched("file_search"):
                    content = await self._search.call(tools, call.place, call.arguments, position)
            else:
                continue
            results.append({"role": "tool", "tool_call_id": call.id, "content": content})
        waiting = len(results) < len(turn.calls)
        finish = execution.require_action if waiting else steps.finish_tool_calls
        await self._services.publisher.drain()
        searches = self._search.of(tools.calls)
        await self._services.database(
            finish, self.run, tools.step, tools.calls, self._count(), self._code.saved, searches
        )
        self._tools = None
        return None if waiting else results

    async def _answered(self, turn: _Turn) -> None:
        """The model has said all it wanted to say. Nothing at all is an answer only where the run
        has said something before, or has a figure to show.
        """
        if self._code.images:
            await self._open_message()
        if self._message is not None:
            self._message.end_text()
        if self._message is None or self._message.is_blank:
            if not self._spoken:
                raise ChatError(
                    "server_error",
                    f"{self._provider} gave an empty answer: no text and no tool call. Try again, "
                    "or choose another model.",
                )
            if self._message is None:
                await self._services.database(
                    execution.complete, self.run, unrecorded=self._count()
                )
                return
        await self._close_message()
        await self._services.database(execution.complete, self.run)

    async def _cut_short(self, turn: _Turn) -> None:
        """The model was stopped by a limit or a filter. A tool call may have been cut off with
        it.
        """
        filtered = turn.reason == "content_filter"
        services = self._services
        if self._tools is not None:
            await services.publisher.drain()
            # None of its calls was carried out, so none has saved or found anything.
            await services.database(
                steps.finish_tool_calls,
                self.run,
                self._tools.step,
                self._tools.calls,
                self._count(),
                {},
                {},
            )
            self._tools = None
        if self._message is not None or (self._uncounted and self._uncounted.usage):
            reason = "content_filter" if filtered else "max_tokens"
            await self._close_message(incomplete=reason)
        if filtered:
            # A run's incomplete_details knows no such reason.
            message = "The provider's content filter stopped the answer. Ask in other words."
            await self._fail(message)
        else:
            await self._end(RunStatus.INCOMPLETE, incomplete="max_completion_tokens")


@contextmanager
def _watched(tool: str) -> Iterator[None]:
    """A call of a built-in tool, as operators see it."""
    with metrics.tool_seconds.labels(tool).time(), tracer.start_as_current_span(tool):
        yield


def _asked(turn: _Turn) -> Wire:
    """The turn as the model will see it in the conversation."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in turn.calls
    ]
    return {"role": "assistant", "content": str(turn.text), "tool_calls": calls}


def _tool_choice(choice: str | Wire) -> str | Wire:
    """A run's tool choice in Chat Completions' form, where a built-in tool is a function like
    any other.
    """
    if isinstance(choice, dict) and choice["type"] != "function":
        return {"type": "function", "function": {"name": choice["type"]}}
    return choice


def _none() -> None:
    """The usage of what was not the whole turn."""

"""Decides what to say next: asks the skills for a plan and carries it out, one request at a time.

A request that ends with a user's message starts a plan; one that ends with a tool's answer goes on
with it. Nothing is kept between the two: the plan is made again from the same message.
"""

import json
import re
from urllib.parse import quote

from assistants.engine.demo import words
from assistants.engine.demo.conversation import CODE_TOOL, SEARCH_TOOL, Call, Conversation
from assistants.engine.demo.fence import fenced, shortened
from assistants.engine.demo.filling import fill
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import CallFunctions, Plan, RunCode, Say
from assistants.engine.demo.reply import Reply, ToolCall
from assistants.engine.demo.skills import SKILLS, functions, searching
from assistants.engine.demo.telling import plainly

MOST_RUNS = 2
"""How often code is run for one message: the plan and one second try."""

EMPTY_TABLE = "pandas.errors.EmptyDataError"
"""What pandas raises for a file without a column; to read it in another way is no use."""


def reply_to(conversation: Conversation) -> Reply:
    """The next reply in this conversation."""
    if conversation.answered:
        return _after_tools(conversation)
    plan = _forced(conversation, _plan(conversation))
    match plan:
        case Say(text):
            return _final(conversation, text)
        case CallFunctions(calls):
            return Reply(calls=tuple(ToolCall.to(call.name, call.arguments) for call in calls))
        case RunCode():
            return _run(conversation, plan.code)


def _plan(conversation: Conversation) -> Plan:
    """What the first skill that fits wants to do."""
    plans = (skill.plan(conversation) for skill in SKILLS)
    return next((plan for plan in plans if plan), Say(""))


def _forced(conversation: Conversation, plan: Plan) -> Plan:
    """The plan, unless the request insists on another tool than the plan's, or on any tool."""
    name = conversation.forced_tool
    if name == CODE_TOOL and conversation.can_run_code:
        return plan if isinstance(plan, RunCode) else PROOF_OF_LIFE
    if name == SEARCH_TOOL and conversation.can_search:
        return CallFunctions((searching.call(conversation),))
    if name is not None and name in conversation.tools:
        return CallFunctions((functions.call(conversation, conversation.tools[name]),))
    if conversation.tool_choice != "required" or isinstance(plan, CallFunctions):
        return plan
    if conversation.can_run_code:
        return plan if isinstance(plan, RunCode) else PROOF_OF_LIFE
    if conversation.can_search:
        return CallFunctions((searching.call(conversation),))
    if conversation.tools:
        best = functions.nearest(conversation) or next(iter(conversation.tools.values()))
        return CallFunctions((functions.call(conversation, best),))
    return plan


PROOF_OF_LIFE = RunCode(
    code="import sys\n\nprint(f'Python {sys.version.split()[0]} is ready.')",
    told=lambda output: output.printed,
)


def _run(conversation: Conversation, code: str, because: str = "") -> Reply:
    """A code call; before it the code itself where the instructions ask for that."""
    block = fenced(code, "python")
    if not conversation.can_run_code:
        reason = words.TURN_ON_INTERPRETER
        if conversation.tool_choice == "none":
            reason = words.TOOLS_NOT_ALLOWED
        return _final(conversation, reason.say(conversation.language, code=block))
    said = [because] if because else []
    if conversation.wants_code_shown:
        said.append(words.PREVIEW.say(conversation.language, code=block))
    text = "" if conversation.answer_schema is not None else "\n\n".join(said)
    return Reply(text, (ToolCall.to(CODE_TOOL, {"code": code}),))


def _after_tools(conversation: Conversation) -> Reply:
    """Goes on once tools have answered."""
    told = [_told(conversation, call) for call in conversation.answered if not call.code]
    runs = [call for call in conversation.answered if call.code]
    if runs:
        reply = _after_code(conversation, runs[-1].output)
        if reply.calls:
            return reply
        told.append(reply.text)
    return _final(conversation, "\n\n".join(told))


def _told(conversation: Conversation, call: Call) -> str:
    if call.name == SEARCH_TOOL:
        return searching.told(conversation, call)
    return functions.told(conversation, call)


def _after_code(conversation: Conversation, output: Output) -> Reply:
    plan = _plan(conversation)
    language = conversation.language
    if output.trouble is not None:
        trouble = shortened(output.trouble, 500)
        return Reply(words.NOT_RUN.say(language, trouble=trouble))
    if output.error is not None:
        if output.error.startswith(EMPTY_TABLE) and isinstance(plan, RunCode) and plan.second_try:
            return Reply(words.EMPTY_FILE.say(language))
        error = shortened(output.error, 300)
        second_try = plan.second_try if isinstance(plan, RunCode) else None
        if second_try and conversation.code_runs < MOST_RUNS and conversation.can_run_code:
            because = words.TRYING_AGAIN.say(language, error=error.replace("`", "'"))
            return _run(conversation, second_try, because)
        return Reply(words.GAVE_UP.say(language, error=fenced(error)))
    told = plan.told(output) if isinstance(plan, RunCode) else plainly(language, output)
    return Reply(f"{told}{_links(conversation, output, told)}")


def _links(conversation: Conversation, output: Output, told: str) -> str:
    """Links to the saved files that the answer does not mention yet."""
    paths = [path for path in dict.fromkeys(output.files) if f"sandbox:{quote(path)}" not in told]
    names = [re.sub(r"[\[\]\\]", " ", path.rpartition("/")[2]) for path in paths]
    links = ", ".join(
        f"[{name}](sandbox:{quote(path)})" for name, path in zip(names, paths, strict=True)
    )
    return f"\n\n{words.FILES_SAVED.say(conversation.language, links=links)}" if links else ""


def _final(conversation: Conversation, text: str) -> Reply:
    """The last word, as JSON where the request asks for that."""
    schema = conversation.answer_schema
    if schema is None:
        return Reply(text)
    answer = fill(schema, conversation.text, rest=text) if schema else {"answer": text}
    return Reply(json.dumps(answer, ensure_ascii=False))

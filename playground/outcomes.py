"""How a run stands and what a person can do about it, in words."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.formats import date_format
from django.utils.timezone import localtime

from assistants.models import Run, RunStatus
from assistants.operations import queue

# Both start a new run on the thread as it stands, without adding a message.
RETRY: Final = "Retry the run"
AGAIN: Final = "Run the thread again"
KEPT: Final = "What was written until then is kept."
_RAISED = re.compile(
    r"^-{60,}\n(\w+) +Traceback \(most recent call last\)$"
    r'|^ +(?:File [^"]|Cell ).*\n(?: .*\n)+?(\w*Error): ',
    re.MULTILINE,
)
"""How the kernel writes an error that ended the code, in two forms: of running it, of reading it.
What code itself prints of an error that it has caught looks otherwise.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said below a run.

    ``tone`` is "plain", "note", "warn", "bad", or "late" for what is only said when it lasts.
    ``code`` is the service's own word for the reason, ``again`` what running again is called.
    """

    tone: str
    title: str
    text: str
    code: str = ""
    advice: str = ""
    again: str = ""


def of_run(run: Run) -> Outcome | None:
    """None for a run that goes on or is complete: there is nothing to say about it."""
    match run.status:
        case RunStatus.QUEUED:
            return _queued(run)
        case RunStatus.REQUIRES_ACTION:
            return _requires_action(run)
        case RunStatus.CANCELLING:
            return Outcome("plain", "Stopping", "What was written stays.")
        case RunStatus.CANCELLED:
            at = f" at {_clock(run.cancelled_at)}" if run.cancelled_at else ""
            return Outcome("plain", f"Stopped{at}", KEPT, again=AGAIN)
        case RunStatus.FAILED:
            return _failed(run)
        case RunStatus.INCOMPLETE:
            return _incomplete(run)
        case RunStatus.EXPIRED:
            return _expired(run)
    return None


def error_in(logs: str) -> str:
    """The kind of the error that ended code which printed this: "KeyError"; empty if none did.

    The step of such code is completed all the same, so its output alone tells.
    """
    found = _RAISED.search(logs)
    return str(found[1] or found[2]) if found else ""


def _queued(run: Run) -> Outcome:
    before = queue.before(run)
    place = {
        0: "No other is before it.",
        1: "One other is before it.",
    }.get(before, f"{before} others are before it.")
    return Outcome(
        "late",
        "Waiting for a worker",
        f"The run starts as soon as one has room for it. {place} You can close this page; the run "
        "goes on without it.",
    )


def _requires_action(run: Run) -> Outcome:
    calls = (run.required_action or {})["submit_tool_outputs"]["tool_calls"]
    by = f" by {_clock(run.expires_at)}" if run.expires_at else ""
    if len(calls) == 1:
        title, them = "1 function waits for its output", "it"
    else:
        title, them = f"{len(calls)} functions wait for their outputs", "them"
    text = (
        f"Write {them} above, or have the program that started the run submit {them}{by}. "
        "Then the same run goes on."
    )
    return Outcome("warn", title, text)


def _failed(run: Run) -> Outcome:
    error = run.last_error or {}
    title, advice = {
        "rate_limit_exceeded": (
            "The provider refused the request",
            "wait a little and retry, check the balance at the provider, or choose another model.",
        ),
        "invalid_prompt": (
            "The model did not accept the request",
            "change the instructions, or say it in another message.",
        ),
    }.get(
        str(error.get("code")),
        (
            "The run failed",
            "retry. If it fails again, the run's JSON and the server's log say more.",
        ),
    )
    message, code = str(error.get("message") or ""), str(error.get("code") or "")
    return Outcome("bad", title, message, code, advice, RETRY)


def _incomplete(run: Run) -> Outcome:
    reason = str((run.incomplete_details or {}).get("reason") or "")
    title, advice = {
        "content_filter": (
            "The provider's filter stopped the answer",
            "put the question in other words.",
        ),
        "max_prompt_tokens": (
            "The thread is longer than the run may read",
            "start a new thread, or run with a higher limit.",
        ),
    }.get(
        reason,
        (
            "The answer stops at the token limit",
            "run the thread again, or ask for a shorter answer.",
        ),
    )
    return Outcome("note", title, KEPT, reason, advice, AGAIN)


def _expired(run: Run) -> Outcome:
    until = _clock(run.expires_at) if run.expires_at else "its end"
    if run.started_at:
        title = "No outputs arrived in time"
        text = f"The run waited until {until} for the outputs of its functions."
        advice = "retry the run with the program running that submits them."
    else:
        title = "No worker took the run in time"
        text = f"It waited until {until}."
        advice = "start the worker, then retry the run."
    return Outcome("note", title, text, advice=advice, again=RETRY)


def _clock(moment: datetime) -> str:
    return date_format(localtime(moment), "H:i")

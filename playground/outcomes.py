"""How a run stands and what a person can do about it, in words."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from assistants import refusals
from assistants.models import Run, RunStatus, VectorStore
from assistants.operations import queue
from playground.service_words import places_in, told, told_without

# Both start a new run on the thread as it stands, without adding a message.
RETRY: Final = gettext_noop("Retry the run")
AGAIN: Final = gettext_noop("Run the thread again")
OF_PROVIDER: Final = {
    "401": "Check the key of this provider.",
    "403": "Check the key of this provider.",
    "404": "and that the provider's address ends as in /v1.",
}
"""How the service ends what only another setting of the provider can mend, by the status that the
provider answered with.
"""
_REFUSED: Final = re.compile(r"((?:(?!: ).)+) refused the request \((\d{3})\): ")
"""How it begins: the provider's name and status, before the first colon. What the provider itself
has said stands behind one.
"""
_BROKEN: Final = re.compile(r"(?:(?!: ).)+ failed \(5\d\d\): ")
"""How the service begins to tell that a provider's own server had an error."""
FILTERED: Final = "The provider's content filter stopped the answer. Ask in other words."
"""How the service ends a run that a filter has stopped; its code is none of a filter's."""
ADVISED: Final = (
    "Try again in a moment; its own log may say more.",
    "Try again in a moment, or choose another model.",
    "Look at the account's plan and balance.",
)
"""Hints at the end of what the service says that our own advice repeats."""
KEPT: Final = gettext_noop("What was written until then is kept.")
NOTHING: Final = gettext_noop("Nothing was written.")
_RAISED = re.compile(
    r"^-{60,}\n(\w+) +Traceback \(most recent call last\)$"
    r'|^ +(?:File [^"]|Cell ).*\n(?: .*\n)+?(\w*Error): ',
    re.MULTILINE,
)
"""How the kernel writes an error that ended the code, in two forms: of running it, of reading it.
What code itself prints of an error that it has caught looks otherwise.
"""


class Mend(NamedTuple):
    """The page where something can be mended."""

    address: str
    name: str
    icon: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said below a run.

    ``tone`` is "plain", "note", "warn", "bad", or "late" for what is only said when it lasts.
    ``code`` is the service's own word for the reason, ``again`` what running again is called, and
    ``mend`` the page where it can be mended.
    """

    tone: str
    title: str
    text: str
    code: str = ""
    advice: str = ""
    again: str = ""
    mend: Mend | None = None
    is_of_options: bool = False
    """Whether the run options are where it can be mended."""


def of_run(run: Run) -> Outcome | None:
    """None for a run that goes on or is complete: there is nothing to say about it."""
    match run.status:
        case RunStatus.QUEUED:
            return _queued(run)
        case RunStatus.REQUIRES_ACTION:
            return _requires_action(run)
        case RunStatus.CANCELLING:
            return Outcome("plain", _("Stopping"), _("What was written stays."))
        case RunStatus.CANCELLED:
            at = _clock(run.cancelled_at) if run.cancelled_at else ""
            title = _("Stopped at {time}").format(time=at) if at else _("Stopped")
            return Outcome("plain", title, _kept(run), again=_(AGAIN))
        case RunStatus.FAILED:
            return _failed(run)
        case RunStatus.INCOMPLETE:
            return _incomplete(run)
        case RunStatus.EXPIRED:
            return _expired(run)
    return None


def for_guests(run: Run) -> Outcome | None:
    """What people from outside are told of a run that has ended otherwise than complete: that it
    did, and nothing of providers, limits or what to do.
    """
    titles = {
        RunStatus.CANCELLED: _("Stopped"),
        RunStatus.FAILED: _("The run failed"),
        RunStatus.INCOMPLETE: _("Run ended before the answer was complete"),
        RunStatus.EXPIRED: _("Run expired"),
    }
    title = titles.get(RunStatus(run.status), "")
    return Outcome("plain", title, "") if title else None


def error_in(logs: str) -> str:
    """The kind of the error that ended code which printed this: "KeyError"; empty if none did.

    The step of such code is completed all the same, so its output alone tells.
    """
    found = _RAISED.search(logs)
    return str(found[1] or found[2]) if found else ""


def error_at(logs: str) -> int | None:
    """Where such an error begins in what was printed."""
    found = _RAISED.search(logs)
    return found.start() if found else None


def _queued(run: Run) -> Outcome:
    before = queue.before(run)
    place = _("No other is before it.")
    if before:
        told_before = ngettext("{n} other is before it.", "{n} others are before it.", before)
        place = told_before.format(n=before)
    if queue.waits_for_its_project(run):
        title = _("Waiting for another run of this project")
        text = _(
            "The project has as many runs under way as it may have at a time. This one starts when "
            "one of them ends. {place} You can close this page; the run goes on without it."
        )
    else:
        title = _("Waiting for a worker")
        text = _(
            "The run starts as soon as one has room for it. {place} You can close this page; the "
            "run goes on without it."
        )
    return Outcome("late", title, text.format(place=place))


def _requires_action(run: Run) -> Outcome:
    calls = (run.required_action or {})["submit_tool_outputs"]["tool_calls"]
    count = len(calls)
    title = ngettext(
        "{n} function waits for its output", "{n} functions wait for their outputs", count
    ).format(n=count)
    if run.expires_at:
        text = ngettext(
            "Write it above, or have the program that started the run submit it by {time}. "
            "Then the same run goes on.",
            "Write them above, or have the program that started the run submit them by {time}. "
            "Then the same run goes on.",
            count,
        ).format(time=_clock(run.expires_at))
    else:
        text = ngettext(
            "Write it above, or have the program that started the run submit it. "
            "Then the same run goes on.",
            "Write them above, or have the program that started the run submit them. "
            "Then the same run goes on.",
            count,
        )
    return Outcome("warn", title, text)


def _failed(run: Run) -> Outcome:
    error = run.last_error or {}
    if error.get("message") == refusals.QUOTA.message:
        # The provider's own words about its quota stand behind its name.
        used_up = gettext_noop(
            "The project, or the key that began the run, has used up its tokens for today or for "
            "this month."
        )
        used_up_meanwhile = gettext_noop(
            "The project, or the key that began the run, has used up its tokens for today or for "
            "this month. What was written until then is kept."
        )
        text = _(used_up_meanwhile if _has_written(run) else used_up)
        advice = _("have an owner raise the budget in settings, or wait until it begins anew.")
        code = "insufficient_quota"
        return Outcome("bad", _("The token budget is used up"), text, code, advice, _(RETRY))
    if store_id := places_in(str(error.get("message")), refusals.STORE_EXPIRED.message).get(
        "vector_store_id"
    ):
        return _store_expired(run, store_id)
    message, code = str(error.get("message") or ""), str(error.get("code") or "")
    if _is_of_provider(run, message):
        advice = _("have an owner put it right in settings, or choose another model, then retry.")
        mend = Mend(f"{reverse('settings')}#models", _("Settings"), "settings")
        return Outcome("bad", _("The run failed"), told(message), code, advice, _(RETRY), mend)
    if message == FILTERED:
        title = _("The provider's filter stopped the answer")
        advice = _("put the question in other words; the same request would be stopped again.")
        return Outcome("bad", title, _kept(run), code, advice, _(AGAIN))
    if _BROKEN.match(message):
        title = _("The provider had an error")
        advice = _(
            "retry in a moment. If it goes on, look at the provider's status or log, or choose "
            "another model."
        )
        return Outcome("bad", title, told_without(message, ADVISED), code, advice, _(RETRY))
    title, advice = {
        "rate_limit_exceeded": (
            _("The provider refused the request"),
            _(
                "wait a little and retry, check the balance at the provider, or choose another "
                "model."
            ),
        ),
        "invalid_prompt": (
            _("The model did not accept the request"),
            _("change the instructions, or say it in another message."),
        ),
    }.get(
        code,
        (
            _("The run failed"),
            _("if it fails again, the run's JSON and the server's log say more.")
            if "try again" in message.lower()
            else _("retry. If it fails again, the run's JSON and the server's log say more."),
        ),
    )
    return Outcome("bad", title, told_without(message, ADVISED), code, advice, _(RETRY))


def _kept(run: Run) -> str:
    """What is left of it."""
    return _(KEPT if _has_written(run) else NOTHING)


def _has_written(run: Run) -> bool:
    return any(step.type == "message_creation" for step in run.steps.all())


def _is_of_provider(run: Run, message: str) -> bool:
    """Whether only another setting of the run's provider can mend what this says."""
    begins = _REFUSED.match(message)
    ends = OF_PROVIDER.get(begins[2]) if begins else None
    if not begins or not ends or not message.endswith(f" {ends}"):
        return False
    # Another server's whole text may be of that form, and is about a provider of its own.
    mirrored = getattr(run, "upstream", None)
    return mirrored is None or mirrored.label == begins[1]


def _store_expired(run: Run, store_id: str) -> Outcome:
    store = VectorStore.objects.in_project(run.thread.project).filter(pk=store_id).first()
    text = _("Nobody used it for as long as it was to be kept. Its files are still there.")
    advice = _("choose how long it is kept on its page, then run again.")
    title = _("A vector store has expired")
    if store is None:
        return Outcome("bad", title, text, again=_(RETRY))
    name = store.name or _("Untitled")
    mend = Mend(reverse("vector-store", args=[store_id]), name, "file-search")
    title = _("The vector store “{name}” has expired").format(name=name)
    return Outcome("bad", title, text, advice=advice, again=_(RETRY), mend=mend)


def _incomplete(run: Run) -> Outcome:
    reason = str((run.incomplete_details or {}).get("reason") or "")
    title, advice = {
        "content_filter": (
            _("The provider's filter stopped the answer"),
            _("put the question in other words."),
        ),
        "max_prompt_tokens": (
            _("The thread is longer than the run may read"),
            _("start a new thread, or run with a higher limit."),
        ),
    }.get(
        reason,
        (
            _("The answer stops at the token limit"),
            _("run the thread again, or ask for a shorter answer."),
        ),
    )
    is_given = reason in run.overrides
    if is_given:
        # They stay with the thread, so that the next run would end at the same limit.
        advice = {
            "max_prompt_tokens": _(
                "raise “Most tokens to read” in the run options, or start a new thread."
            ),
            "max_completion_tokens": _(
                "raise “Most tokens to write” in the run options, or ask for a shorter answer."
            ),
        }.get(reason, advice)
    return Outcome("note", title, _kept(run), reason, advice, _(AGAIN), is_of_options=is_given)


def _expired(run: Run) -> Outcome:
    until = _clock(run.expires_at) if run.expires_at else _("its end")
    if run.started_at:
        title = _("No outputs arrived in time")
        text = _("The run waited until {time} for the outputs of its functions.")
        advice = _("retry the run with the program running that submits them.")
    else:
        title = _("No worker took the run in time")
        text = _("It waited until {time}.")
        advice = _("start the worker, then retry the run.")
    return Outcome("note", title, text.format(time=until), advice=advice, again=_(RETRY))


def _clock(moment: datetime) -> str:
    return date_format(localtime(moment), "H:i")

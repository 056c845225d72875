"""The inspector beside a thread: steps, events, JSON, code samples, usage."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assistants.errors import Wire
from assistants.events import log
from assistants.events.log import Entry
from assistants.models import Assistant, File, Message, Run, RunStep, Thread, clock
from assistants.operations import prices
from playground import access, chat_models, samples, transcript, usage
from playground.items import RunView, StepView
from playground.json_tree import tree
from playground.partials import whole_page

ENTRY_ID = re.compile(r"\d{1,16}-\d{1,16}")
NUMBER = re.compile(r"[0-9]{1,9}")
TABS = ("steps", "events", "json", "code", "usage")
MAX_EVENTS = 300
"""So many events are listed at once, the newest; earlier ones on request."""
MAX_OBJECTS = 40
MAX_RUNS = 200

Inspected = Assistant | Thread | Message | Run | RunStep | File


@dataclass(frozen=True)
class Bar:
    """A step in the timeline; ``start`` and ``width`` are percent of the run's time."""

    view: StepView
    start: float
    width: float
    after: float
    """Seconds from the beginning of the run."""
    price: str


@dataclass(frozen=True)
class EventRow:
    """An event of the log, and how long after its run's beginning it was written."""

    entry: Entry
    number: int
    after_ms: int | None


@dataclass(frozen=True)
class RunUsage:
    """What a run has used."""

    run: Run
    model_label: str
    tokens: int
    price: str


@access.signed_in
@require_safe
def inspect(request: access.Request, thread_id: str) -> HttpResponse:
    """One tab of a thread's inspector."""
    thread = access.thread(request, thread_id)
    if not request.htmx:
        return whole_page(request, "thread", thread.id, panel="inspect")
    # The assistant may have been deleted since.
    known = Assistant.objects.in_project(access.project(request))
    assistant = known.filter(pk=thread.assistant_id).first()
    shown = context(request, thread, assistant, None)
    return render(request, "inspector/_pane.html", {"thread": thread, **shown})


@access.signed_in
@require_safe
def inspect_new(request: access.Request, assistant_id: str) -> HttpResponse:
    """One tab of the inspector of a thread that does not exist yet."""
    assistant = access.assistant(request, assistant_id)
    if not request.htmx:
        return whole_page(request, "thread-new", assistant=assistant.id, panel="inspect")
    return render(request, "inspector/_pane.html", context(request, None, assistant, None))


@access.signed_in
@require_safe
def newer_events(request: access.Request, thread_id: str) -> HttpResponse:
    """The events after those that are listed."""
    thread = access.thread(request, thread_id)
    if not request.htmx:
        return whole_page(request, "thread", thread.id, tab="events")
    shown = _events(request, thread)
    return render(request, "inspector/_events.html", {"thread": thread, **shown})


@access.signed_in
@require_safe
def raw(request: access.Request, object_id: str) -> HttpResponse:
    """An object of the API as JSON text."""
    found = _object(request, object_id)
    return JsonResponse(found.to_dict(), json_dumps_params={"indent": 2, "ensure_ascii": False})


def context(
    request: access.Request,
    thread: Thread | None,
    assistant: Assistant | None,
    runs: Sequence[RunView] | None,
) -> dict[str, Any]:
    """What the tab that is asked for shows.

    :param runs: those that the page shows, if it has read them
    """
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "steps"
    shown: dict[str, Any] = {
        "tab": tab,
        "tabs": TABS,
        "inspect_url": _address(thread, assistant),
    }
    run = _run(request, thread, runs)
    shown["run_view"] = run
    if tab == "steps" and run is not None:
        shown["bars"] = bars(run)
        shown["used"] = run.run.usage or _so_far(run)
    elif tab == "events" and thread is not None:
        shown |= _events(request, thread)
    elif tab == "json":
        shown |= _json(request, thread, assistant, run)
    elif tab == "code" and assistant is not None:
        shown |= _code(request, thread, assistant)
    elif tab == "usage" and thread is not None:
        shown |= _usage(thread)
    return shown


def bars(view: RunView) -> list[Bar]:
    """The run's steps on its time line."""
    begun = view.run.created_at
    now = clock.now()
    total = max(((view.run.ended_at or now) - begun).total_seconds(), 0.001)

    def share(moment: datetime) -> float:
        return round(min(max((moment - begun).total_seconds() / total, 0), 1) * 100, 2)

    found = []
    for step in view.steps:
        start, end = share(step.step.created_at), share(step.step.ended_at or now)
        # A bar that is too narrow to be seen is drawn as wide as one pixel or so.
        after = (step.step.created_at - begun).total_seconds()
        model = view.run.answered_by or view.run.model
        amount = prices.cost(model, step.step.usage, view.run.thread.project)
        bar = Bar(step, min(start, 99.0), max(end - start, 1.0), after, usage.in_words(amount))
        found.append(bar)
    return found


def _so_far(view: RunView) -> dict[str, int]:
    """What the steps of a run have used that has not ended."""
    used = Counter[str](total_tokens=0)
    for step in view.steps:
        given = step.step.usage or {}
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        used.update({name: given.get(name, 0) for name in names})
    return used


def _address(thread: Thread | None, assistant: Assistant | None) -> str:
    """Where the tabs are fetched."""
    if thread is not None:
        return reverse("inspect", args=[thread.id])
    return reverse("inspect-new", args=[assistant.id]) if assistant else ""


def _run(
    request: access.Request, thread: Thread | None, runs: Sequence[RunView] | None
) -> RunView | None:
    """The run that is asked for, else the newest."""
    if thread is None:
        return None
    asked = request.GET.get("run", "")
    if runs and not asked:
        return runs[-1]
    if found := next((view for view in runs or () if view.run.id == asked), None):
        return found
    run = thread.runs.filter(pk=asked).first() or thread.runs.newest_first().first()
    if run is None:
        return None
    if run.replaced_by:
        return next((view for view in transcript.version(run) if isinstance(view, RunView)), None)
    state = transcript.state_of(run if run.is_active else None, log.tip(thread.id))
    message_ids = Message.objects.filter(run_id=run.id).values_list("pk", flat=True)
    views = transcript.read_items(thread, message_ids, [run.id], state)
    return next((view for view in views if isinstance(view, RunView)), None)


def _events(request: access.Request, thread: Thread) -> dict[str, Any]:
    """The log's entries whose name contains ``q``: the newest, or those after ``after``, which has
    the number ``number``.
    """
    after = request.GET.get("after", "")
    number = request.GET.get("number", "")
    goes_on = ENTRY_ID.fullmatch(after) and NUMBER.fullmatch(number)
    entries = log.read(thread.id, after if goes_on else log.START)
    first = int(number) + 1 if goes_on else 1
    query = request.GET.get("q", "").strip()
    numbered = [(place, entry) for place, entry in enumerate(entries, first) if query in entry.name]
    shown = numbered if goes_on or "all" in request.GET else numbered[-MAX_EVENTS:]
    begun = dict(thread.runs.values_list("pk", "created_at"))
    return {
        "rows": [EventRow(entry, place, _after_ms(entry, begun)) for place, entry in shown],
        "left_out": len(numbered) - len(shown),
        "last": entries[-1].id if entries else after,
        "last_number": first + len(entries) - 1,
        "query": query,
    }


def _after_ms(entry: Entry, begun: Mapping[str, datetime]) -> int | None:
    """How long after the beginning of its run an event was written; None for one of no run."""
    if entry.run not in begun:
        return None
    return max(0, entry.ms - int(begun[entry.run].timestamp() * 1000))


def _json(
    request: access.Request,
    thread: Thread | None,
    assistant: Assistant | None,
    run: RunView | None,
) -> dict[str, Any]:
    """The objects that can be chosen from, and the one that is shown."""
    objects: list[tuple[str, str]] = []
    if run is not None:
        objects.append((run.run.id, _("Run")))
        objects += [
            (step.step.id, _("Step: {title}").format(title=step.title)) for step in run.steps
        ]
    if thread is not None:
        newest = _newest(thread)
        objects.append((thread.id, _("Thread")))
        of_user, of_assistant = _("Message of the user"), _("Message of the assistant")
        objects += [(one.id, of_user if one.role == "user" else of_assistant) for one in newest]
        steps = [step.step for step in run.steps] if run else []
        mentioned = transcript.files_of(thread, newest, steps).values()
        objects += [
            (file.id, _("File: {title}").format(title=file.name))
            for file in sorted(mentioned, key=attrgetter("name"))
            if not file.is_deleted
        ]
    if assistant is not None:
        objects.append((assistant.id, _("Assistant")))
    asked = request.GET.get("object", "")
    if asked not in dict(objects):
        asked = objects[0][0] if objects else ""
    found = _object(request, asked) if asked else None
    query = request.GET.get("q", "").strip()
    return {
        "objects": objects,
        "object_id": asked,
        "json_query": query,
        "json_tree": tree(wire["object"], wire, query) if (wire := _wire(found)) else None,
    }


def _newest(thread: Thread) -> list[Message]:
    """The newest messages, to be listed with the files that they mention: their content is read, or
    ends up empty, by whether it names one.
    """
    newest = list(
        thread.messages.newest_first().only("role", "attachments", "thread_id")[:MAX_OBJECTS]
    )
    # In a text the quotation marks are escaped: these are those of a key.
    naming = thread.messages.annotate(written=Cast("content", TextField())).filter(
        pk__in=[one.pk for one in newest], written__contains='"file_id"'
    )
    contents = dict(naming.values_list("pk", "content"))
    for one in newest:
        one.content = contents.get(one.pk, [])
    return newest


def _wire(found: Inspected | None) -> Wire | None:
    return found.to_dict() if found else None


def _object(request: access.Request, object_id: str) -> Inspected:
    """
    :raises Http404: the person's project has nothing with this id
    """
    project = access.project(request)
    found: Inspected | None = None
    match re.split("[-_]", object_id)[0]:
        case "asst":
            found = Assistant.objects.in_project(project).filter(pk=object_id).first()
        case "thread":
            found = Thread.objects.in_project(project).filter(pk=object_id).first()
        case "msg":
            found = Message.objects.filter(thread__project=project, pk=object_id).first()
        case "run":
            found = Run.objects.filter(thread__project=project, pk=object_id).first()
        case "step":
            steps = RunStep.objects.select_related("run")
            found = steps.filter(run__thread__project=project, pk=object_id).first()
        case "file":
            found = File.objects.in_project(project).filter(pk=object_id).first()
    if found is None:
        raise Http404("There is no such object.")
    return found


def _code(request: access.Request, thread: Thread | None, assistant: Assistant) -> dict[str, Any]:
    language = request.GET.get("language", "")
    language = language if language in samples.LANGUAGES else "python"
    base_url = request.build_absolute_uri("/v1")
    return {
        "languages": samples.LANGUAGES,
        "language": language,
        "written_in": samples.WRITTEN_IN[language],
        "sample": samples.sample(language, assistant, thread, base_url),
    }


def _usage(thread: Thread) -> dict[str, Any]:
    """What the thread, its assistant and this month's runs have used, and each run of the
    thread.
    """
    project = thread.project
    runs = thread.runs.exclude(usage=None).newest_first()[:MAX_RUNS]
    rows = [
        RunUsage(run, chat_models.of_run(run), run.usage["total_tokens"], usage.of_run(run))
        for run in runs.select_related("thread__project")
        if run.usage
    ][::-1]
    all_runs = Run.objects.filter(thread__project=project)
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    totals = [usage.total(_("This thread"), thread.runs.all(), project)]
    if thread.assistant_id:
        of_assistant = all_runs.filter(assistant_id=thread.assistant_id)
        totals.append(usage.total(_("This assistant"), of_assistant, project))
    of_month = all_runs.filter(created_at__gte=month)
    totals.append(usage.total(date_format(month, "MONTH"), of_month, project))
    return {
        "usages": rows,
        "totals": totals,
        "most": max((row.tokens for row in rows), default=1) or 1,
    }

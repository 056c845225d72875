"""What the styleguide shows: each part's own template, with what it needs in each of its states."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final

from django.contrib.auth.models import User
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message as Told
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assistants.events.log import Entry
from assistants.models import (
    ApiKey,
    Assistant,
    FileStatus,
    ImportItem,
    Role,
    RunStatus,
    Share,
    UpstreamImport,
    clock,
)
from assistants.operations.search import Found
from assistants.operations.store_uses import Uses
from assistants.operations.trial import Check, Report
from assistants.operations.upstream_imports import Compared
from playground import access, words
from playground.budget_words import Meter
from playground.forms.assistant import AssistantForm
from playground.forms.names import TitleForm
from playground.forms.people import InviteForm
from playground.forms.provider import ProviderForm
from playground.forms.run_options import RunOptionsForm, tool_choices
from playground.forms.searched import Searched, Shown
from playground.forms.share import ShareForm
from playground.interpreter import Interpreter
from playground.items import FileView, RunView, StepView
from playground.json_tree import tree
from playground.presence import Person
from playground.starters import STARTERS
from playground.styleguide.objects import ANSWER, CODE, RAISED, Samples
from playground.styleguide.specimen import Ids, specimen
from playground.usage import Total
from playground.views import inspector, shortcuts
from playground.views.assistants import Card
from playground.views.files import Row
from playground.views.shares import Link
from playground.views.vector_stores import Passage

COLOURS: Final = (
    *("surface-0", "surface-1", "surface-2", "surface-3", "raised", "line", "line-strong"),
    *("text", "muted", "accent", "accent-hover", "accent-soft", "on-accent", "mark"),
    *("ok", "ok-soft", "warn", "warn-soft", "bad", "bad-soft"),
)
"""The roles of ``tokens.css``."""

ON: Final = Interpreter(ok=True, reason=None)
OFF: Final = Interpreter(ok=False, reason="The sandbox has a wall that does not hold.")


@dataclass
class Example:
    """A part in one state. ``frame`` is what stands around it on its page; of a part that scripts
    show when it is needed, "shown".
    """

    name: str | Promise
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    frame: str = "card"
    html: str = ""


@dataclass(frozen=True)
class Section:
    """Parts that belong together; ``slug`` is the id of its heading."""

    slug: str
    title: str | Promise
    examples: list[Example]
    small: bool = False
    """Whether several of them fit beside each other."""


def sections(request: access.Request) -> list[Section]:
    """All of them, as HTML."""
    samples = Samples(access.project(request))
    ids = Ids({"dialog", "health", "main", "messages", "rail", "theme", "page-title"})
    found = list(_sections(samples))
    for section in found:
        for one in section.examples:
            html: str = render_to_string(one.template, one.context, request)
            if one.frame == "shown":
                html = html.replace(" hidden>", ">")
            one.html = specimen(html, ids)
    return found


def _sections(samples: Samples) -> Iterator[Section]:
    yield Section("basics", _("Buttons and fields"), _basics(), small=True)
    yield Section("chips", _("Status chips"), list(_chips()), small=True)
    yield Section("people", _("People and projects"), list(_people(samples)), small=True)
    yield Section("told", _("Banners and messages"), list(_told()))
    yield Section("dialogs", _("Dialogs"), list(_dialogs(samples)), small=True)
    yield Section("messages", _("Messages"), list(_messages(samples)))
    yield Section("runs", _("Runs"), list(_runs(samples)))
    yield Section("calls", _("Tool calls"), list(_calls(samples)))
    yield Section("outcomes", _("What became of runs"), list(_outcomes(samples)))
    yield Section("composer", _("Composer"), list(_composer(samples)))
    yield Section("inspector", _("Inspector"), list(_inspector(samples)), small=True)
    yield Section("assistant", _("Assistant form"), list(_forms(samples)), small=True)
    yield Section("lists", _("Lists"), list(_lists(samples)))
    yield Section("stores", _("Vector stores"), list(_stores(samples)))
    yield Section("keys", _("Keys and budgets"), list(_keys()))
    yield Section("empty", _("Where there is nothing yet"), list(_empty(samples)), small=True)


def _basics() -> list[Example]:
    file = FileView("file-sample", "rainfall.csv", 48_213)
    return [
        Example(_("Colours"), "styleguide/_colours.html", {"colours": COLOURS}),
        Example(_("Type"), "styleguide/_type.html"),
        Example(_("Buttons"), "styleguide/_buttons.html", {"file": file}),
        Example(_("Fields"), "styleguide/_fields.html"),
    ]


def _chips() -> Iterator[Example]:
    template = "styleguide/_chips.html"
    yield Example(_("Of runs"), template, {"statuses": RunStatus.values})
    files = [*FileStatus.values, "expired"]
    yield Example(_("Of files and vector stores"), template, {"statuses": files, "of_files": True})


def _people(samples: Samples) -> Iterator[Example]:
    others = SimpleNamespace(pk="sample", name="Second project")
    joined = [
        SimpleNamespace(project=project, project_id=project.pk, role=role)
        for project, role in ((samples.project, "owner"), (others, "viewer"))
    ]
    yield Example(_("Choosing a project"), "projects/_switch.html", {"memberships": joined})
    roles = {"roles": Role.choices, "chosen": "editor", "id": "sample", "label": "Mei"}
    yield Example(_("A role"), "projects/_roles.html", roles)
    for role in Role.values:
        yield Example(words.word(role), "projects/_role.html", {"role": role})
    wrong = {"label": "Name", "name": "Other", "error": "This is not the project's name."}
    yield Example(_("A field that is wrong"), "projects/_name.html", wrong)
    form = InviteForm({"role": "editor", "email": "mei", "name": "Mei"})
    yield Example(_("Fields"), "parts/_field.html", {"field": form["name"]})
    yield Example(_("A field that is wrong"), "parts/_field.html", {"field": form["email"]})
    looks = {"transcript": SimpleNamespace(active=None), "owners": [User(username="Ada")]}
    composer = "threads/_no_composer.html"
    yield Example(_("Where a viewer cannot write"), composer, looks, "thread")
    alone = {"may_edit": True}
    yield Example(_("Without an assistant"), "threads/_no_assistant.html", alone)


def _told() -> Iterator[Example]:
    told = [Told(constants.SUCCESS, "“Sine wave” was deleted."), Told(constants.ERROR, "Not added")]
    yield Example(_("After something was done"), "parts/_messages.html", {"messages": told})
    yield Example(_("While the connection is broken"), "threads/_connection.html", frame="shown")
    one_fails = {"missing": ["worker"], "said": "Not answering: worker"}
    yield Example(_("All services answer"), "_health.html", {"said": "All services answer"})
    yield Example(_("One does not"), "_health.html", one_fails)


def _dialogs(samples: Samples) -> Iterator[Example]:
    confirm = {"title": "Delete “Sine wave”?", "text": "It cannot be undone.", "label": "Delete"}
    yield Example(_("Asking first"), "_confirm.html", confirm, "dialog")
    needs = {"title": _("This was refused"), "needs": "editor", "owners": [User(username="Ada")]}
    yield Example(_("Not allowed"), "_refused.html", needs, "dialog")
    named = {"heading": "Rename thread", "label": "Title", "hint": "Left empty, it opens so."}
    kept = {"form": TitleForm(initial={"title": "Sine wave"}), **named}
    yield Example(_("One field"), "_rename.html", kept, "dialog")
    wrong = {"form": TitleForm({"title": "x" * 600}), **named}
    yield Example(_("A field that is wrong"), "_rename.html", wrong, "dialog")
    share = Share(
        id="share_sample",
        thread=samples.thread,
        author={"name": "Mei"},
        until=samples.at(1),
        opened=12,
        last_opened_at=samples.at(0),
    )
    links = [Link(share, "https://studio.example/s/sample", maker_left=True)]
    sharing = {"thread": samples.thread, "form": ShareForm(), "links": links}
    yield Example(_("Sharing a thread"), "shares/_dialog.html", sharing, "dialog")
    look = {"scope": {"token": "sample"}, "language": "en"}
    yield Example(_("Theme and language of guests"), "shared/_look.html", look)
    edit = {"thread": samples.thread, "message": SimpleNamespace(id="msg_sample")}
    edit |= {"assistant": samples.assistant, "text": "Create a visualization"}
    yield Example(_("Editing a message"), "threads/_edit.html", edit, "dialog")
    refused = {**edit, "text": "", "error": "Write something first."}
    yield Example(_("Refused"), "threads/_edit.html", refused, "dialog")
    large = {"file": SimpleNamespace(id="file-sample", filename="plot-1.png")}
    yield Example(_("An image, large"), "files/_large.html", large, "dialog")
    keys = {"shortcuts": shortcuts.told()}
    yield Example(_("Shortcuts"), "_shortcuts.html", keys, "dialog")
    long = {"assistant": samples.assistant, "text": samples.assistant.instructions}
    yield Example(
        _("Changed elsewhere"),
        "assistants/_instructions.html",
        {**long, "error": "Changed elsewhere. Copy your text, then load the page again."},
        "dialog",
    )


def _messages(samples: Samples) -> Iterator[Example]:
    def shown(name: Promise, view: Any) -> Example:
        return Example(name, "threads/_message.html", {"view": view}, "log")

    yield shown(_("Of the user"), samples.message("user", "Create a visualization of a sinewave"))
    yield shown(_("With images and files"), samples.with_files())
    yield shown(_("An answer with a citation"), samples.message("assistant", ANSWER))
    written = "It is **being writ"
    yield shown(_("Being written"), samples.message("assistant", written, "in_progress"))
    yield shown(_("Cut off"), samples.message("assistant", "It was **cut", "incomplete"))


def _runs(samples: Samples) -> Iterator[Example]:
    for view in samples.runs():
        yield Example(view.run.status, "threads/_run.html", {"view": view}, "log")


def _calls(samples: Samples) -> Iterator[Example]:
    run = samples.run(RunStatus.COMPLETED)

    def shown(name: Promise, step: StepView) -> Example:
        return Example(name, "threads/_step.html", {"view": step}, "steps")

    long = "".join(f"line {number}\n" for number in range(1, 813))
    yield shown(_("Code that prints"), samples.step(run, [samples.code("400 values\n")]))
    yield shown(_("A long output"), samples.step(run, [samples.code(long)]))
    yield shown(_("Code that draws"), samples.step(run, [samples.code(draws=True)]))
    drawn = samples.step(run, [samples.code(draws=True)], shown={"file-sample"})
    yield shown(_("An image that the message shows"), drawn)
    yield shown(_("Code that raises"), samples.step(run, [samples.code(RAISED)]))
    yield shown(_("Code that is running"), samples.step(run, [samples.code()], "in_progress"))
    yield shown(_("File search"), samples.step(run, [samples.search()]))
    yield shown(_("Nothing found"), samples.step(run, [samples.search(finds=False)]))
    yield shown(_("Searching"), samples.step(run, [samples.search(finds=False)], "in_progress"))
    answered = samples.step(run, [samples.function('{"celsius": 4}')])
    yield shown(_("A function with its output"), answered)
    waiting = samples.run(RunStatus.REQUIRES_ACTION)
    yield shown(
        _("Functions that wait"),
        samples.step(waiting, [samples.function(), samples.function()], "in_progress"),
    )
    yield shown(_("Expired"), samples.step(run, [samples.function()], "expired"))
    yield shown(_("Message"), samples.step(run, [], images=2))


def _outcomes(samples: Samples) -> Iterator[Example]:
    for view in samples.outcomes():
        yield Example("", "threads/_outcome.html", {"view": view}, "log")


def _composer(samples: Samples) -> Iterator[Example]:
    base = {
        "thread": samples.thread,
        "current_assistant": samples.assistant,
        "transcript": SimpleNamespace(active=None),
        "options": RunOptionsForm(),
        "option_models": [],
        "option_tool_choices": tool_choices(samples.assistant),
    }

    def shown(name: Promise, **more: Any) -> Example:
        return Example(name, "threads/_composer.html", {**base, **more}, "thread")

    yield shown(_("Empty"))
    yield shown(_("With files"), draft="Plot them", composer_files=[samples.file, samples.pdf])
    active = samples.run(RunStatus.IN_PROGRESS)
    yield shown(_("While a run is active"), transcript=SimpleNamespace(active=active))
    stopping = samples.run(RunStatus.CANCELLING)
    yield shown(_("While it stops"), transcript=SimpleNamespace(active=stopping))
    yield shown(_("Refused"), composer_error="Write a message first, or choose a start.")
    yield shown(_("Its assistant was deleted"), assistant_is_gone=True)
    locked = {"active": active, "name": "Mei", "by": "user:0"}
    yield Example(_("While another's run is active"), "threads/_composer_actions.html", locked)
    here = {"people": [Person("Jun", "user:0"), Person("Mei", "user:1")]}
    yield Example(_("Who is here"), "threads/_here.html", here)
    earlier = {
        "earlier_address": "#",
        "transcript": SimpleNamespace(first_message_id="sample"),
    }
    yield Example(_("Above the first message"), "threads/_earlier.html", earlier)


def _inspector(samples: Samples) -> Iterator[Example]:
    view = samples.runs()[RunStatus.values.index(RunStatus.COMPLETED)]
    thread, assistant = samples.thread, samples.assistant
    base = {"thread": thread, "tabs": inspector.TABS, "inspect_url": "#", "run_view": view}

    def shown(name: Promise | str, tab: str, **more: Any) -> Example:
        return Example(name, "inspector/_pane.html", {**base, "tab": tab, **more}, "panel")

    yield shown(_("Steps"), "steps", bars=inspector.bars(view))
    yield shown(_("Events"), "events", rows=_events(view), last="0-1", last_number=3, left_out=700)
    yield shown(_("No event matches"), "events", rows=[], last="0-1", last_number=3, query="xyz")
    wire = view.run.to_dict()
    found = {"objects": [(view.run.id, "Run")], "object_id": view.run.id}
    yield shown("JSON", "json", json_tree=tree("thread.run", wire), **found)
    searched = tree("thread.run", wire, "demo")
    yield shown(_("A search in it"), "json", json_tree=searched, json_query="demo", **found)
    languages = {"languages": {"python": "Python"}, "language": "python"}
    yield shown(_("Code"), "code", sample=CODE, written_in="python", **languages)
    usage = inspector.RunUsage(view.run, "demo", 1801, "$0.0061")
    total = SimpleNamespace(
        name="This thread",
        runs=1_204,
        prompt_tokens=1_812_340,
        completion_tokens=305_670,
        total_tokens=2_118_010,
        seconds=61.5,
        price="price unknown",
    )
    yield shown(_("Usage"), "usage", usages=[usage], totals=[total], most=2000)
    for tab in ("steps", "events", "json", "code", "usage"):
        yield shown(_("Nothing has run yet"), tab, thread=None, run_view=None, assistant=assistant)


def _events(view: RunView) -> list[inspector.EventRow]:
    names = ("thread.run.created", "thread.message.delta", "thread.run.completed")
    entries = [Entry(name, '{"id": "run_sample"}', view.run.id) for name in names]
    return [inspector.EventRow(entry, place, place * 12) for place, entry in enumerate(entries, 1)]


def _forms(samples: Samples) -> Iterator[Example]:
    project, assistant = samples.project, samples.assistant
    store = samples.store(in_progress=1, completed=1, failed=1)
    files = {status: samples.upload(f"{status}.pdf", 9000) for status in FileStatus.values}
    rows = [Shown(file, samples.row(store, file, status)) for status, file in files.items()]
    base = {
        "attached": [samples.file],
        "searched": Searched(store, [*rows, Shown(samples.file)]),
        "interpreter": ON,
    }

    def shown(name: Promise, form: AssistantForm, **more: Any) -> Example:
        context = {**base, "form": form, "form_assistant": form.assistant, **more}
        return Example(name, "assistants/_form.html", context, "setup")

    empty = {"attached": [], "searched": Searched(), "interpreter": OFF}
    yield shown(_("New, and code cannot run"), AssistantForm(project=project), **empty)
    form = AssistantForm(project=project, assistant=assistant)
    yield shown(_("Saved"), form, saved_at=samples.now)
    yield shown(_("Changed elsewhere"), form, status=409)
    wrong = QueryDict(mutable=True)
    wrong.update({"temperature": "7", "top_p": "", "response_format": "json_schema"})
    wrong.update({"function": '{"name": "a b"}', "function_key": "one", "schema": "{"})
    wrong.update({"code_interpreter": "on", "metadata_key": "", "metadata_value": "lost"})
    bad = AssistantForm(wrong, project=project, assistant=assistant)
    bad.is_valid()
    yield shown(_("Not saved"), bad, status=422)
    yield from _providers()


def _providers() -> Iterator[Example]:
    template = "settings/_provider.html"
    form = ProviderForm(example="ollama")
    checks = [
        Check("Address", True, "It answers."),
        Check("Key", None, "It asks for none."),
        Check("Model", False, "It has no such model."),
    ]
    report = Report(checks, ["llama3", "qwen3"])
    yield Example(_("A provider that was tried"), template, {"form": form, "report": report})
    bad = ProviderForm(QueryDict("kind=azure&base_url=nowhere&model_name=&model_window=7"))
    bad.is_valid()
    lost = {"form": bad, "has_key": True, "key_is_lost": True}
    yield Example(_("One that is not right"), template, lost)
    yield from _imports()


def _imports() -> Iterator[Example]:
    template = "settings/_upstream_import.html"
    counts = [("Threads", Compared("thread", 20, 12, 1)), ("Messages", Compared("message", 40, 40))]
    job = UpstreamImport(id="import_sample0", label="Team server", status="in_progress")
    yield Example(_("An import"), template, {"job": job, "compared": counts}, "bare")
    item = ImportItem(upstream_id="file-sample", error="It is not handed out.")
    over = UpstreamImport(id="import_sample1", label="Team server", status="completed")
    differs = [("Messages", {"id": "msg_sample", "fields": ["content", "attachments"]})]
    context = {"job": over, "compared": counts, "failed": [item], "more": 2, "fits": False}
    context |= {"differing": differs, "more_differ": True}
    yield Example(_("One that is over"), template, context, "bare")


def _lists(samples: Samples) -> Iterator[Example]:
    server = {"name": "Team server"}
    yield Example(_("An assistant that lives elsewhere"), "parts/_lives.html", server)
    yield Example(
        _("Search field"),
        "parts/_search.html",
        {"hint": "Search titles and messages", "label": "Search"},
    )
    entry = {"entry": samples.thread}
    yield Example(_("A thread in the rail"), "threads/_rail_entry.html", entry)
    here = {**entry, "current": samples.thread}
    yield Example(_("The one that is shown"), "threads/_rail_entry.html", here)
    cards = [Card(samples.assistant, "demo", 3, samples.at(2))]
    plain = Assistant(id="asst_sample0", project=samples.project, model="gpt-4o")
    cards.append(Card(plain, "gpt-4o", 0, None))
    yield Example(_("Assistants"), "assistants/_cards.html", {"cards": cards}, "bare")
    threads = {"threads": [samples.thread], "more": 2}
    yield Example(_("Threads"), "threads/_list.html", threads, "bare")
    store = samples.store(completed=2)
    rows = [
        Row(samples.file, [samples.assistant], [store], [samples.thread], 4),
        Row(samples.pdf, [], [], [], 0),
    ]
    yield Example(_("Files"), "files/_list.html", {"rows": rows, "more": 3, "page": 2}, "bare")
    yield Example(_("Files or vector stores"), "files/_kinds.html", {"kind": "stores"})


def _stores(samples: Samples) -> Iterator[Example]:
    states = {
        _("Ready"): samples.store(completed=12, days=30),
        _("Being read"): samples.store(completed=4, in_progress=8),
        _("Expired"): samples.store(completed=12, days=1, idle=3),
    }
    for name, store in states.items():
        yield Example(name, "styleguide/_store.html", {"store": store})
    store = samples.store(completed=1, in_progress=1, failed=1)
    rows = [
        (samples.row(store, samples.pdf, "completed"), 124),
        (samples.row(store, samples.file, "in_progress"), 0),
        (samples.row(store, samples.file, "failed"), 0),
    ]
    embedding = {"embedded": 2, "total": 5, "model": "embed", "error": "It does not answer."}
    shown = {"store": store, "rows": rows, "done": 2, "embedding": embedding, "page": 1, "more": 2}
    yield Example(_("Files of one"), "vector_stores/_files.html", shown, "bare")
    found = Found("file-sample", "handbook.pdf", 0.87, {}, "Add grid lines.", 0, 15, 3, store.id)
    passage = Passage(found, [("Add ", False), ("grid", True), (" lines.", False)])
    for name, context in (
        (_("Passages"), {"found": [passage]}),
        (_("Nothing was found"), {"query": "zebra", "store": store}),
        (_("It cannot be searched"), {"problem": "The vector store has expired."}),
    ):
        yield Example(name, "vector_stores/_found.html", context, "bare")
    uses = {"uses": Uses([samples.assistant], [samples.thread]), "store": store}
    yield Example(_("Who searches it"), "vector_stores/_uses.html", uses, "bare")
    unused = {"uses": Uses([], []), "store": store, "other_assistants": [samples.assistant]}
    yield Example(_("Nobody does"), "vector_stores/_uses.html", unused, "bare")


def _keys() -> Iterator[Example]:
    used = Total("", 12, 48_000, 4_100, 0.0, Decimal("0.31"))
    today = Meter(gettext("Today"), 20_100, 20_000, "28 Nov, 00:00")
    month = Meter(gettext("This month"), 52_100, 400_000, "1 Dec, 00:00")
    project = {"day_tokens": 20_000, "month_tokens": 400_000}
    budget = {"meters": [month], "project": project, "used": used}
    yield Example(_("A budget"), "settings/_budget.html", budget, "bare")
    yield Example(_("One that is used up"), "settings/_meters.html", {"meters": [today]}, "bare")
    key = ApiKey(id="key_sample", name="Notebook", hint="sk-ab…wxyz", last_used_at=clock.now())
    keys = {
        "keys": [{"key": key, "scope": gettext("Everything"), "today": used, "month": used}],
        "scopes": [("all", gettext("Everything"))],
        "lives": [30],
        "base_url": "http://127.0.0.1:8000/v1",
        "azure_url": "http://127.0.0.1:8000",
    }
    yield Example(_("Keys"), "settings/_keys.html", keys, "bare")


def _empty(samples: Samples) -> Iterator[Example]:
    thread = {"current_assistant": samples.assistant, "starters": STARTERS}
    ready = {**thread, "runs_code": True, "searches_files": True}
    yield Example(_("A new thread"), "threads/_empty.html", ready)
    yield Example(_("Connect a model"), "settings/_connect.html", {"more": True})
    for name, template, context in (
        (_("Assistants"), "assistants/_cards.html", {}),
        (_("Threads"), "threads/_list.html", {"has_assistants": True, "starters": STARTERS}),
        (_("Threads, and no assistant"), "threads/_list.html", {}),
        (_("Files"), "files/_list.html", {}),
        (_("No more files"), "files/_list.html", {"page": 9}),
        (_("No assistant matches"), "assistants/_cards.html", {"query": "zebra"}),
        (_("No thread matches"), "threads/_list.html", {"query": "zebra"}),
        (_("No file matches"), "files/_list.html", {"query": "zebra"}),
    ):
        yield Example(name, template, context, "bare")
    store = {"store": samples.store(), "page": 1}
    yield Example(_("A vector store without files"), "vector_stores/_files.html", store, "bare")

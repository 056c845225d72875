"""Threads: the list, the page of one, renaming and deleting."""

from collections import Counter

from django.contrib import messages
from django.db.models import CharField, OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from assistants.errors import Invalid, Wire
from assistants.events.sse import EventStream
from assistants.models import Assistant, File, Project, Role, Run, Thread
from assistants.operations import providers, threads
from playground import access, fragments, paging, starters, transcript, waiting, words
from playground.forms import searched
from playground.forms.assistant import AssistantForm
from playground.forms.names import TitleForm
from playground.forms.run_options import RunOptionsForm, tool_choices
from playground.items import OutcomeView
from playground.partials import whole_page
from playground.readers import Reader
from playground.service_words import refusal, told
from playground.streaming import ThreadStream
from playground.transcript import Transcript
from playground.views import inspector
from playground.views.assistants import files_of, form_context

MAX_ASSISTANTS = 200
"""So many can be chosen from in a thread; the others are a search away."""

PANELS = ("setup", "chat", "inspect")


@access.signed_in
@require_safe
def index(request: access.Request) -> HttpResponse:
    """All threads, the last used first, or those that match a search."""
    project = access.project(request)
    query = request.GET.get("q", "").strip()
    found = Thread.objects.in_project(project).last_active_first()
    if query:
        found = found.matching(query)
    name = Assistant.objects.filter(pk=OuterRef("assistant_id")).values("name")
    shown = paging.page(request, found.annotate(name=Subquery(name)))
    context = {
        "section": "threads",
        "threads": shown.rows,
        "more": shown.more,
        "query": query,
        "starters": [_(starter) for starter in starters.STARTERS],
        "has_assistants": Assistant.objects.in_project(project).exists(),
    }
    return render(request, "threads/_list.html" if request.htmx else "threads/index.html", context)


@access.signed_in
@require_safe
def new(request: access.Request) -> HttpResponse:
    """The page of a thread that begins to exist with its first message."""
    named = request.GET.get("assistant")
    project = access.assistant(request, named).project if named else access.project(request)
    assistant = chosen_assistant(request, project)
    access.project(request, Role.EDITOR)
    if assistant is None:
        messages.info(request, _("Make an assistant first. It takes a name, and that is all."))
        return redirect("assistant-new")
    return page(request, None, assistant)


@access.signed_in
@require_safe
def show(request: access.Request, thread_id: str) -> HttpResponse:
    """The page of a thread: setup, messages and runs, inspector. ``?message=`` leads to where that
    one stands; ``?version=`` names a run that is shown in place of the one that stands.
    """
    thread = access.thread(request, thread_id)
    if linked := request.GET.get("message"):
        return redirect(_place_of(thread, linked))
    assistant = chosen_assistant(request, thread.project, thread)
    version = request.GET.get("version")
    run = access.run(request, thread_id, version) if version else None
    if run and run.replaced_by and not run.is_kept:
        raise Http404  # the answer was deleted meanwhile, and its versions with it
    if run and request.htmx:
        return _version(request, run)
    return page(request, thread, assistant, version=run)


def _version(request: access.Request, run: Run) -> HttpResponse:
    """The parts of the page that change when another version of an answer is shown."""
    views = transcript.version(run)
    outcome = next((view for view in views if isinstance(view, OutcomeView)), None)
    if outcome is None or (outcome.standing or run).is_active:
        return HttpResponse(status=204)
    return HttpResponse(fragments.mine(fragments.version(outcome, views), access.me(request)))


@access.signed_in
@require_safe
def earlier(request: access.Request, thread_id: str) -> HttpResponse:
    """The messages before those that are shown."""
    thread = access.thread(request, thread_id)
    if not request.htmx:
        return whole_page(request, "thread", thread.id)
    before = thread.messages.filter(pk=request.GET.get("before", "")).first()
    if before is None:
        raise Http404("There is no such message.")
    read = transcript.read(thread, before)
    context = {
        "earlier_address": request.path,
        "transcript": read,
        "items": fragments.mine(fragments.items(read.items), access.me(request)),
    }
    return render(request, "threads/_earlier_page.html", context)


@access.signed_in
@require_safe
def events(request: access.Request, thread_id: str) -> EventStream:
    """What happens on the thread from ``after`` on, as HTML, for as long as a run is active."""
    thread = access.thread(request, thread_id)
    after = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    allowed = access.still_reads(request, thread.project_id)
    return ThreadStream.of(request, thread, after, Reader.of(request), allowed)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: access.Request, thread_id: str) -> HttpResponse:
    """Ask for a title, and give it."""
    thread = access.thread(request, thread_id)
    back = _back(request, thread)
    form = TitleForm(request.POST or None, initial={"title": thread.title})
    if request.method == "POST" and form.is_valid():
        try:
            threads.rename(thread, form.cleaned_data["title"])
        except Invalid as error:
            form.add_error("title", refusal(error))
        else:
            return redirect(back)
    context = {
        "heading": _("Rename thread"),
        "label": _("Title"),
        "hint": _("Left empty, the thread is called as it opens."),
        "action": reverse("thread-rename", args=[thread.id]),
        "form": form,
        "next": back,
        "section": "threads",
    }
    template = "_rename.html" if request.htmx else "rename.html"
    return render(request, template, context, status=422 if form.errors else 200)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, thread_id: str) -> HttpResponse:
    """Ask, then delete, with all messages and runs."""
    thread = access.thread(request, thread_id)
    name = _("“{title}”").format(title=thread.title) if thread.title else _("this thread")
    if request.method == "POST":
        threads.delete(thread)
        name = f"{name[:1].upper()}{name[1:]}"
        messages.success(request, _("{name} was deleted.").format(name=name))
        return redirect("threads")
    context = {
        "title": _("Delete {name}?").format(name=name),
        "text": _(
            "Its messages and runs go with it, and a run that is active is stopped. "
            "This cannot be undone."
        ),
        "action": reverse("thread-delete", args=[thread.id]),
        "label": _("Delete thread"),
        "back": reverse("thread", args=[thread.id]),
        "section": "threads",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def page(
    request: access.Request,
    thread: Thread | None,
    assistant: Assistant | None,
    *,
    draft: str = "",
    error: str = "",
    attached: list[File] | None = None,
    version: Run | None = None,
) -> HttpResponse:
    """The thread page. With an error, or with run options that are not right, it is the answer to a
    form that could not be carried out.

    :param assistant: who answers next; None if the project of the thread has none
    :param version: a run that is shown in place of the one that stands
    """
    before = None
    if thread is not None and (message_id := request.GET.get("before")):
        before = thread.messages.filter(pk=message_id).first()
    read = transcript.read(thread, before) if thread else Transcript([], None, "", False)
    items = transcript.in_place(read.items, version) if version else read.items
    panel = request.GET.get("panel", "")
    if not panel and ("tab" in request.GET or "object" in request.GET):
        panel = "inspect"
    options = RunOptionsForm(request.POST or None, before=_last_options(request, thread, read))
    context = {
        "section": "threads" if thread else "",
        "thread": thread,
        "current_thread": thread,
        **starters.context(assistant),
        "owners": access.owners(request.membership.project),
        "transcript": read,
        "items": fragments.mine(fragments.items(items), access.me(request)),
        "composer_actions": fragments.mine(
            fragments.composer_actions(read.active), access.me(request)
        ),
        "earlier_address": reverse("thread-earlier", args=[thread.id]) if thread else "",
        "stream_address": reverse("thread-events", args=[thread.id]) if thread else "",
        "panel": panel if panel in PANELS else "chat",
        "draft": draft,
        "composer_error": error,
        "composer_files": _waiting(request, thread, assistant) if attached is None else attached,
        "options": options,
        **(_setup(request, thread, assistant) if assistant else {}),
        **inspector.context(request, thread, assistant, read.runs),
    }
    return render(
        request, "threads/show.html", context, status=422 if error or options.errors else 200
    )


def _waiting(
    request: access.Request, thread: Thread | None, assistant: Assistant | None
) -> list[File]:
    """What was attached to the message that is not sent yet."""
    return (
        waiting.of(request, assistant.project, thread.id if thread else "new") if assistant else []
    )


def _setup(
    request: access.Request, thread: Thread | None, assistant: Assistant
) -> dict[str, object]:
    """What the page shows of who answers next."""
    return {
        "assistant_is_gone": thread is not None and _lost_its_assistant(request, thread, assistant),
        "assistants": _choice(assistant),
        "option_models": [
            (model.name, told(model.label)) for model in providers.offered(assistant.project)
        ],
        "option_tool_choices": tool_choices(assistant),
        **form_context(
            AssistantForm(project=assistant.project, assistant=assistant),
            files_of(assistant),
            searched.of(assistant),
        ),
    }


def chosen_assistant(
    request: access.Request, project: Project, thread: Thread | None = None
) -> Assistant | None:
    """The one that the address or the form names, else that of the thread's last run, else the
    newest; None if there is none at all.
    """
    known = Assistant.objects.in_project(project)
    if named := request.POST.get("assistant_id"):
        return access.assistant(request, named)
    if named := request.GET.get("assistant"):
        found = known.filter(pk=named).first()
        # The address of a thread outlives the assistant that it names.
        if found or thread is None:
            return found or access.assistant(request, named)
    last = known.filter(pk=thread.assistant_id).first() if thread else None
    last = last or known.newest_first().first()
    if last is not None:
        last.project = project  # which need not be asked for again
    return last


def _place_of(thread: Thread, message_id: str) -> str:
    """The address of the message on its page of the thread; of one that is gone, the thread's."""
    address = reverse("thread", args=[thread.id])
    message = thread.messages.filter(pk=message_id).first()
    if message is None:
        return address
    before = transcript.page_with(thread, message)
    return f"{address}{f'?before={before}' if before else ''}#{message.id}"


def _last_options(request: access.Request, thread: Thread | None, read: Transcript) -> Wire:
    """What the last run on the thread that the person has begun was given otherwise than its
    assistant. What a teammate has tried is not tried by others unawares. The newest page has read
    that run already, mostly.
    """
    user_id = str(request.user.pk)
    own = [view.run for view in read.runs if view.run.created_by.get("id", user_id) == user_id]
    last = own[-1] if own and not read.has_later else None
    if last is None and thread is not None and (read.has_earlier or read.has_later):
        # Cast, for what is taken out of JSON is compared as JSON.
        by = Cast(KeyTextTransform("id", "created_by"), CharField())
        told = thread.runs.annotate(by=by)
        last = told.filter(Q(by=user_id) | Q(by=None)).newest_first().first()
    return dict(last.overrides) if last else {}


def _lost_its_assistant(request: access.Request, thread: Thread, chosen: Assistant) -> bool:
    """Whether the thread's assistant is there no more, and nobody has chosen another yet."""
    if thread.assistant_id in ("", chosen.id) or request.GET.get("assistant") == chosen.id:
        return False
    return not Assistant.objects.filter(project=chosen.project_id, pk=thread.assistant_id).exists()


def _choice(current: Assistant) -> list[tuple[Assistant, str]]:
    """Those that can answer next, each with the end of its id where another has its name."""
    known = Assistant.objects.filter(project=current.project_id).newest_first()
    known = known.select_related("upstream__provider")
    shown = ("name", "created_at", "upstream__provider__label")
    found = list(known.only(*shown)[:MAX_ASSISTANTS])
    named = Counter(one.name or "" for one in found)
    return [(one, words.tail(one.id) if named[one.name or ""] > 1 else "") for one in found]


def _back(request: access.Request, thread: Thread) -> str:
    """The page to return to: where the dialog was opened."""
    asked = request.POST.get("next") or (request.htmx and request.htmx.current_url_abs_path) or ""
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return asked
    return reverse("thread", args=[thread.id])

"""Assistants: the list, the form that makes and changes one, deleting."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from assistants.errors import ApiError, NotFound, Wire
from assistants.models import Assistant, AuditEntry, File, Project, Role, Thread
from assistants.operations import assistants, upstreams
from assistants.params import AssistantUpdate
from playground import access, audit_words, chat_models, interpreter, starters
from playground.forms import functions, searched
from playground.forms.assistant import MAX_INSTRUCTIONS, AssistantForm, version_of
from playground.forms.run_options import tool_choices
from playground.service_words import refusal
from playground.views.files import stored


@dataclass(frozen=True)
class Card:
    """An assistant in the list, and how much it was used."""

    assistant: Assistant
    model_label: str
    """Its model, and where it lives if that is not here."""
    threads: int
    last_used: datetime | None

    @property
    def functions(self) -> int:
        return sum(tool["type"] == "function" for tool in self.assistant.tools)


@access.signed_in
@require_safe
def index(request: access.Request) -> HttpResponse:
    """All assistants as cards, newest first, or those that match a search."""
    project = access.project(request)
    query = request.GET.get("q", "").strip()
    silent = [] if query else upstreams.look_again(project)
    found = Assistant.objects.in_project(project).newest_first()
    cards = _cards(project, found.matching(query) if query else found)
    context = {"section": "assistants", "cards": cards, "query": query, "silent": silent}
    template = "assistants/_cards.html" if request.htmx else "assistants/index.html"
    return render(request, template, context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: access.Request) -> HttpResponse:
    """The empty form, and making an assistant of it."""
    project = access.project(request, Role.EDITOR)
    if request.method != "POST":
        return _form(request, AssistantForm(project=project), [], searched.of(None))
    form = AssistantForm(request.POST, project=project)
    attached = attached_files(request, project)
    change = _change(request, project)
    if form.is_valid() and not _is_only_about_parts(request):
        try:
            # One that is to live elsewhere is asked for there, for which nobody waits in a
            # transaction.
            with nullcontext() if form.goes_elsewhere else transaction.atomic():
                made = assistants.create(project, form.created([file.id for file in attached]))
                assistants.change_searched_files(made, change.added_ids, [])
        except ApiError as error:
            form.add_error(error.param if error.param in form.fields else None, refusal(error))
        else:
            return redirect(f"{reverse('thread-new')}?assistant={made.id}")
    if _is_only_about_parts(request):
        # Whoever adds a function first has not forgotten the name: they have not come to it.
        form.errors.pop("name", None)
    status = 422 if form.errors else 200
    return _form(request, form, attached, searched.of(None, change), status=status)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: access.Request, assistant_id: str) -> HttpResponse:
    """The form of an assistant, and saving it: by itself while a person types, or by its button."""
    assistant = access.assistant(request, assistant_id)
    if request.method != "POST":
        try:
            assistant = upstreams.fresh(assistant) if assistant.home else assistant
        except NotFound as error:
            messages.error(request, refusal(error))
            return redirect("assistants")
        except ApiError as error:
            messages.warning(request, refusal(error))
        form = AssistantForm(project=assistant.project, assistant=assistant)
        return _form(request, form, files_of(assistant), searched.of(assistant))
    with _held(assistant):
        # Compared and written as one, so that no edit made elsewhere is written over.
        try:
            current = _current(assistant)
        except ApiError as error:
            form = AssistantForm(request.POST, project=assistant.project, assistant=assistant)
            form.add_error(None, refusal(error))
            return _form(request, form, files_of(assistant), searched.of(assistant), status=422)
        offered = tool_choices(current)
        form = AssistantForm(request.POST, project=assistant.project, assistant=current)
        attached = attached_files(request, assistant.project)
        change = _change(request, assistant.project)
        if form.is_stale:
            return _form(request, form, attached, searched.of(current, change), status=409)
        if not form.is_valid():
            return _form(request, form, attached, searched.of(current, change), status=422)
        try:
            params = form.updated([file.id for file in attached])
            with _held(assistant):
                saved = assistants.update(current, params)
                if not form.picks_store:
                    saved = assistants.change_searched_files(
                        saved, change.added_ids, change.removed
                    )
        except ApiError as error:
            form.add_error(error.param if error.param in form.fields else None, refusal(error))
            return _form(request, form, attached, searched.of(current, change), status=422)
    if request.htmx:
        form = form.saved(saved)
        return _form(request, form, attached, searched.of(saved), saved=saved, offered=offered)
    messages.success(request, _("Saved."))
    return redirect("assistant", saved.id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def instructions(request: access.Request, assistant_id: str) -> HttpResponse:
    """The instructions alone, with all the room there is."""
    assistant = access.assistant(request, assistant_id)
    text, error = assistant.instructions or "", ""
    version = version_of(assistant)
    if request.method == "POST":
        text = request.POST.get("instructions", "").replace("\r\n", "\n")
        version = request.POST.get("version", "")
        try:
            with _held(assistant):
                current = _current(assistant)
                if version != version_of(current):
                    error = _(
                        "Changed elsewhere. Copy your text, close this, and load the page again."
                    )
                elif len(text) > MAX_INSTRUCTIONS:
                    limit = number_format(MAX_INSTRUCTIONS, force_grouping=True)
                    error = _("They can have {n} characters at most.").format(n=limit)
                else:
                    assistants.update(current, AssistantUpdate(instructions=text or None))
        except ApiError as refused:
            error = refusal(refused)
        if not error:
            if request.htmx:
                return HttpResponseClientRefresh()
            return redirect("assistant", assistant.id)
    context = {
        "section": "assistants",
        "assistant": assistant,
        "text": text,
        "error": error,
        "version": version,
    }
    template = "assistants/_instructions.html" if request.htmx else "assistants/instructions.html"
    return render(request, template, context, status=422 if error else 200)


@access.signed_in
@require_safe
def searched_files(request: access.Request, assistant_id: str) -> HttpResponse:
    """How the files stand that the form shows, asked again and again while one is in progress."""
    assistant = access.assistant(request, assistant_id)
    files = searched.some_of(assistant, request.GET.getlist("searched_id"))
    context = {
        "form_assistant": assistant,
        "files": files,
        "in_progress": searched.in_progress(files),
    }
    return render(request, "assistants/_searched_files.html", context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, assistant_id: str) -> HttpResponse:
    """Ask, then delete. Its threads stay."""
    assistant = access.assistant(request, assistant_id)
    if request.method == "POST":
        name = assistant.name or _("The assistant")
        try:
            assistants.delete(assistant)
        except ApiError as error:
            messages.error(request, refusal(error))
            return redirect("assistants")
        messages.success(request, _("{name} was deleted.").format(name=name))
        return redirect("assistants")
    context = {
        "title": _("Delete {name}?").format(name=assistant.name or _("this assistant")),
        "text": _lasting(assistant),
        "action": reverse("assistant-delete", args=[assistant.id]),
        "label": _("Delete assistant"),
        "back": reverse("assistants"),
        "section": "assistants",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def _current(assistant: Assistant) -> Assistant:
    """The assistant as it is now, where it lives; one that lives here is locked.

    :raises ApiError: it lives elsewhere, and that server refuses, or does not answer
    """
    if assistant.home:
        return upstreams.fresh(assistant)
    return Assistant.objects.select_for_update().get(pk=assistant.pk)


def _held(assistant: Assistant) -> AbstractContextManager[object]:
    """A transaction; none for an assistant that lives elsewhere, since its server is asked and
    everybody else would wait for that.
    """
    return nullcontext() if assistant.home else transaction.atomic()


def _lasting(assistant: Assistant) -> str:
    """What its deletion means."""
    if home := assistant.home:
        text = _("It lives on {name}, and is deleted there. Its threads here stay.")
        return text.format(name=home.provider.label)
    return _("Its threads stay, with everything that was said. This cannot be undone.")


def _cards(project: Project, found: QuerySet[Assistant]) -> list[Card]:
    rows = (
        Thread.objects.in_project(project)
        .values_list("assistant_id")
        .annotate(threads=Count("pk"), last=Max("active_at"))
    )
    used = {assistant_id: (threads, last) for assistant_id, threads, last in rows}
    shown = list(found.select_related("upstream__provider"))
    here = {assistant.model for assistant in shown if not assistant.home}
    labels = chat_models.labels(here, project)
    return [
        Card(assistant, _model_label(assistant, labels), *used.get(assistant.id, (0, None)))
        for assistant in shown
    ]


def _model_label(assistant: Assistant, labels: dict[str, str]) -> str:
    if home := assistant.home:
        return chat_models.label(assistant.model, home.provider.label)
    return labels[assistant.model]


def _form(
    request: access.Request,
    form: AssistantForm,
    attached: list[File],
    searched_files: searched.Searched,
    *,
    saved: Assistant | None = None,
    offered: Sequence[tuple[str, str]] = (),
    status: int = 200,
) -> HttpResponse:
    """The form, alone or on its page.

    :param saved: the assistant as it is by now, if the form has just been saved
    :param offered: the choices of tools that runs had before it was saved
    """
    context = {
        "section": "assistants",
        "status": status,
        **form_context(form, attached, searched_files),
    }
    if status == 409 and form.assistant:
        context["changed"] = _last_change(form.assistant)
    if saved is not None:
        context["saved_at"] = timezone.now()
        # The page of the assistant has its name as the heading; a thread's page has not.
        context["names_itself"] = request.htmx.current_url_abs_path == request.path
        # A thread's page offers the assistant's tools to its runs. What was chosen since the
        # request left stays, if the assistant still has it.
        if (chosen := request.POST.get("run-tool_choice")) is not None:
            choices = tool_choices(saved)
            if choices != list(offered):
                context |= {"tool_choices": choices, "tool_chosen": chosen}
        # A thread without messages says what the assistant can do.
        if "empty" in request.POST:
            context |= {"empty_again": True, **starters.context(saved)}
    template = "assistants/_form.html" if request.htmx else "assistants/edit.html"
    return render(request, template, context, status=status)


def _last_change(assistant: Assistant) -> Wire | None:
    """Who changed it last, and the entry of that; None if nobody has noted it, as of one that lives
    elsewhere.
    """
    found = AuditEntry.objects.in_project(assistant.project).newest_first()
    entry = found.filter(action="assistant.changed", object_id=assistant.pk).first()
    return {"entry": entry, "who": audit_words.who(entry)} if entry else None


def form_context(
    form: AssistantForm, attached: list[File], searched_files: searched.Searched
) -> dict[str, object]:
    """What the form's template needs."""
    return {
        "form": form,
        "form_assistant": form.assistant,
        "attached": attached,
        "searched": searched_files,
        "interpreter": interpreter.state(),
    }


def files_of(assistant: Assistant) -> list[File]:
    """The files of its code interpreter that are still there, in their order."""
    ids = assistant.code_interpreter_file_ids
    found = File.objects.filter(project=assistant.project_id).in_bulk(ids)
    return [found[file_id] for file_id in ids if file_id in found]


def attached_files(request: HttpRequest, project: Project) -> list[File]:
    """The files that the form names, without the one to be removed, and those that come with it."""
    removed = request.POST.get("remove")
    ids = [file_id for file_id in request.POST.getlist("file_id") if file_id != removed]
    found = File.objects.in_project(project).in_bulk(ids)
    kept = [found[file_id] for file_id in ids if file_id in found]
    return kept + [stored(project, upload) for upload in request.FILES.getlist("files")]


def _change(request: HttpRequest, project: Project) -> searched.Change:
    uploaded = [stored(project, upload) for upload in request.FILES.getlist("searched_files")]
    return searched.change_of(request.POST, project, uploaded)


def _is_only_about_parts(request: HttpRequest) -> bool:
    """Whether the form was sent to add or remove a file or a function, not to be made."""
    buttons = {"remove", "unsearch", "attach", "add_function", "drop_function"}
    return bool(request.POST.keys() & buttons or functions.wanted(request.POST))

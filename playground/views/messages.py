"""What is done in a thread: messages and runs, and what is done to single ones."""

import contextlib
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from assistants.errors import ApiError, ThreadLocked
from assistants.events import log
from assistants.models import Assistant, File, Message, Project, Role, Run, Thread
from assistants.operations import messages, runs, threads
from assistants.params import ToolOutputsSubmit, validate
from playground import access, fragments, transcript, waiting, words
from playground.forms.composer import ComposerForm
from playground.rendering.annotations import Annotations
from playground.rendering.files import is_unshowable
from playground.service_words import refusal
from playground.views.assistants import attached_files
from playground.views.threads import chosen_assistant, page

LOCKED = gettext_noop(
    "A run is active on this thread. Wait for its end or stop it, then send again."
)
EMPTY = gettext_noop("Write a message first: an empty thread has nothing to answer.")


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: access.Request) -> HttpResponse:
    """A new thread with its first message, and a run if one is asked for. A script is told where to
    go: what it could not send stays on its page.

    Who opens the address of a form of this module, as a reload after an error does, is led to the
    page that the form is on.
    """
    if request.method != "POST":
        return redirect("thread-new")
    # Whoever went on to another project in another tab begins it where the assistant is.
    named = request.POST.get("assistant_id")
    project = access.assistant(request, named).project if named else access.project(request)
    assistant = chosen_assistant(request, project)
    if assistant is None:
        return _led(request, reverse("assistant-new"))
    form = _form(request, assistant)
    error = _problem(form) or ("" if form.message() else _(EMPTY))
    if not error:
        try:
            thread = _taken(form, project).thread
        except ApiError as problem:
            error = refusal(problem)
        else:
            address = f"{reverse('thread', args=[thread.id])}?assistant={assistant.id}"
            return _sent(form, _led(request, address))
    return _refused(request, None, form, error)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: access.Request, thread_id: str) -> HttpResponse:
    """Add a message, run, or both. A script is answered with the parts of the page that change."""
    thread = access.thread(request, thread_id)
    if request.method != "POST":
        return redirect("thread", thread.id)
    assistant = chosen_assistant(request, thread.project, thread)
    if assistant is None:
        return redirect("assistant-new")
    form = _form(request, assistant)
    error = _problem(form)
    if not error and form.message() is None and not thread.messages.exists():
        error = _(EMPTY)
    if error:
        return _refused(request, thread, form, error)
    place = transcript.place_of(log.tip(thread.id))
    try:
        taken = _taken(form, thread)
    except ThreadLocked:
        return _refused(request, thread, form, _locked(request, thread))
    except ApiError as problem:
        return _refused(request, thread, form, refusal(problem))
    message, run = taken.message, taken.run
    made = [message.id] if message else []
    answer: HttpResponse
    if not request.htmx:
        back = f"{reverse('thread', args=[thread.id])}?assistant={assistant.id}"
        answer = redirect(f"{back}#{message.id if message else run.id if run else ''}")
    elif taken.before:
        # What became of it since, the page hears where it goes on listening.
        answer = HttpResponse(_items(request, thread, made, place))
    else:
        answer = HttpResponse(_begun(request, thread, made, run, place))
    return _sent(form, answer) if message else answer


class Taken(NamedTuple):
    """What has become of a form: a message, a run or both, in a thread. ``before`` is whether the
    message was there already, so that nothing was done now.
    """

    thread: Thread
    message: Message | None
    run: Run | None
    before: bool = False


def _taken(form: ComposerForm, home: Thread | Project) -> Taken:
    """Carry a valid form out in a thread, or in a new one of a project. Of a message that is sent
    once more, as when its answer was lost, the first stays the only one.

    :raises ThreadLocked: a run is active on the thread
    :raises Invalid: the model does not exist any more
    """
    known = _known(form)
    if known and home in (known.thread, known.thread.project):
        return Taken(known.thread, known, None, before=True)
    # What has this id somewhere else stays there, and gives nothing away.
    message_id = "" if known else form.cleaned_data["message_id"]
    try:
        with transaction.atomic():
            thread = home if isinstance(home, Thread) else threads.create(home)
            return Taken(thread, *_carry_out(form, thread, message_id))
    except (ThreadLocked, IntegrityError):
        # The first of two that were sent at the same moment may have come since.
        if known or not _known(form):
            raise
        return _taken(form, home)


def _known(form: ComposerForm) -> Message | None:
    """The message that has the id of this one, wherever it is."""
    message_id = form.cleaned_data["message_id"]
    found = Message.objects.select_related("thread__project").filter(pk=message_id)
    return found.first() if message_id else None


def _sent(form: ComposerForm, response: HttpResponse) -> HttpResponse:
    """The answer to a message that was added: its files do not wait any more."""
    waiting.forget(response, (file.id for file in form.attached))
    return response


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: access.Request, thread_id: str, run_id: str) -> HttpResponse:
    """Stop a run. Stopping one that has ended, or is about to, changes nothing. Who wants to stop
    what somebody else has begun is asked first.
    """
    run = access.run(request, thread_id, run_id)
    access.project(request, Role.EDITOR)
    if request.method != "POST":
        return _whose(request, run)
    with contextlib.suppress(ApiError):
        runs.cancel(run)
    return HttpResponse(status=204) if request.htmx else redirect("thread", thread_id)


def _whose(request: access.Request, run: Run) -> HttpResponse:
    """The question before somebody else's run is stopped. Nothing is asked about others."""
    name, by = transcript.writer(run.created_by)
    if not run.is_active or by in ("", access.me(request)):
        return redirect("thread", run.thread_id)
    context = {
        "title": _("Stop the run of {name}?").format(name=name),
        "text": _("It is not yours. What it has written so far stays."),
        "icon": "stop",
        "action": reverse("run-cancel", args=[run.thread_id, run.id]),
        "label": _("Stop"),
        "back": reverse("thread", args=[run.thread_id]),
        "section": "threads",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def submit_outputs(request: access.Request, thread_id: str, run_id: str) -> HttpResponse:
    """Hand in what a run's functions gave, each written into a box; the same run goes on."""
    run = access.run(request, thread_id, run_id)
    if request.method != "POST":
        return redirect("thread", thread_id)
    calls = (run.required_action or {}).get("submit_tool_outputs", {}).get("tool_calls", [])
    outputs = {call["id"]: request.POST.get(f"output-{call['id']}", "") for call in calls}
    empty = [call["function"]["name"] for call in calls if not outputs[call["id"]].strip()]
    if empty:
        said = _("Fill in the output of {functions}.").format(functions=words.listed(empty))
        return _told(request, run.thread, said)
    given = [{"tool_call_id": pk, "output": output} for pk, output in outputs.items()]
    try:
        runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, {"tool_outputs": given}))
    except ApiError as problem:
        return _told(request, run.thread, refusal(problem))
    return HttpResponse("") if request.htmx else redirect("thread", thread_id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def regenerate(request: access.Request, thread_id: str, run_id: str) -> HttpResponse:
    """Another answer in the place of the last one, which the run keeps."""
    run = access.run(request, thread_id, run_id)
    if request.method != "POST":
        return redirect("thread", thread_id)
    assistant = chosen_assistant(request, run.thread.project, run.thread)
    if assistant is None:
        return redirect("assistant-new")
    place = transcript.place_of(log.tip(run.thread_id))
    try:
        again, _gone = runs.replace(run, assistant)
    except ThreadLocked:
        return _told(request, run.thread, _locked(request, run.thread))
    except ApiError as problem:
        return _told(request, run.thread, refusal(problem))
    if not request.htmx:
        return redirect("thread", thread_id)
    return HttpResponse(_begun(request, run.thread, [], again, place))


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: access.Request, thread_id: str, message_id: str) -> HttpResponse:
    """Say a message otherwise, in a copy of the thread up to it, and run there."""
    thread = access.thread(request, thread_id)
    message = _message(thread, message_id)
    assistant = chosen_assistant(request, thread.project, thread)
    if assistant is None:
        return redirect("assistant-new")
    error = ""
    if request.method == "POST":
        form = ComposerForm(request.POST, assistant=assistant, attached=_files(message))
        error = _problem(form) or ("" if form.message() else _(EMPTY))
        if not error:
            try:
                with transaction.atomic():
                    copy = threads.fork(thread, message)
                    _carry_out(form, copy)
            except ApiError as problem:
                error = refusal(problem)
            else:
                address = f"{reverse('thread', args=[copy.id])}?assistant={assistant.id}"
                return _led(request, address)
    context = {
        "thread": thread,
        "message": message,
        "assistant": assistant,
        "text": request.POST.get("content", message.text),
        "error": error,
        "section": "threads",
    }
    template = "threads/_edit.html" if request.htmx else "threads/edit.html"
    return render(request, template, context, status=422 if error else 200)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, thread_id: str, message_id: str) -> HttpResponse:
    """Ask, then take a message out of its thread."""
    thread = access.thread(request, thread_id)
    message = _message(thread, message_id)
    if request.method == "POST":
        messages.delete(message)
        return redirect("thread", thread.id)
    text = _("The next run does not read it any more. This cannot be undone.")
    if message.run_id and thread.runs.filter(replaced_by=message.run_id).exists():
        text += " " + _("Its earlier versions go with it.")
    context = {
        "title": _("Delete this message?"),
        "text": text,
        "action": reverse("message-delete", args=[thread.id, message.id]),
        "label": _("Delete message"),
        "back": reverse("thread", args=[thread.id]),
        "section": "threads",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


@access.signed_in
@require_safe
def text(request: access.Request, thread_id: str, message_id: str) -> HttpResponse:
    """A message's text as it was written, for the clipboard; citations as footnotes."""
    message = _message(access.thread(request, thread_id), message_id)
    annotations, before = Annotations(), 0
    for part in (part["text"] for part in message.content if part["type"] == "text"):
        for one in part["annotations"]:
            start = one.get("start_index")
            annotations.add(one if start is None else {**one, "start_index": before + start})
        before += len(part["value"]) + len("\n")
    text = annotations.footnoted(message.text)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _items(request: access.Request, thread: Thread, made: list[str], place: str) -> str:
    """Messages alone, as the page shows them.

    :param place: where in the log they are read
    """
    views = transcript.read_items(thread, made, [], transcript.state_of(None, place))
    return fragments.mine(fragments.items(views), access.me(request))


def _begun(
    request: access.Request, thread: Thread, made: list[str], run: Run | None, place: str
) -> str:
    """The parts of the page that change by a message or a run.

    :param place: where in the log the page goes on listening
    """
    thread.refresh_from_db()
    state = transcript.state_of(None, place)
    views = transcript.read_items(thread, made, [run.id] if run else [], state)
    html = [
        fragments.replaced(views),
        fragments.items(views),
        fragments.title(thread),
        fragments.composer_actions(run),
        fragments.stream(thread, place, run),
    ]
    return fragments.mine("".join(html), access.me(request))


def _locked(request: access.Request, thread: Thread) -> str:
    """Why nothing can be added now, and whose run it is if it is somebody else's."""
    active = thread.runs.active().first()
    name, by = transcript.writer(active.created_by) if active else ("", "")
    if not by or by == access.me(request):
        return _(LOCKED)
    told = _("{name}’s run is using this thread. Wait for its end, then send again.")
    return told.format(name=name)


def _message(thread: Thread, message_id: str) -> Message:
    """
    :raises Http404: the thread has no such message
    """
    message = thread.messages.filter(pk=message_id).first()
    if message is None:
        raise Http404("There is no such message.")
    return message


def _files(message: Message) -> list[File]:
    """Those that came with the message and are still there."""
    ids = [attachment["file_id"] for attachment in message.attachments]
    found = File.objects.in_project(message.thread.project).in_bulk(ids)
    return [found[file_id] for file_id in ids if file_id in found]


def _told(request: access.Request, thread: Thread, error: str) -> HttpResponse:
    """Why it was not done: to the script, or on the thread's page."""
    if request.htmx:
        return HttpResponse(error, status=422, content_type="text/plain; charset=utf-8")
    assistant = chosen_assistant(request, thread.project, thread)
    if assistant is None:
        return redirect("assistant-new")
    return page(request, thread, assistant, error=error)


def _form(request: access.Request, assistant: Assistant) -> ComposerForm:
    # Nothing is kept of a message that cannot be sent as it is.
    unshowable = [
        upload.name or "" for upload in request.FILES.getlist("files") if is_unshowable(upload)
    ]
    if unshowable:
        request.FILES.setlist("files", [])
    attached = attached_files(request, assistant.project)
    return ComposerForm(request.POST, assistant=assistant, attached=attached, unshowable=unshowable)


def _problem(form: ComposerForm) -> str:
    """Why the form cannot be carried out, or empty."""
    if form.is_valid():
        return ""
    return next(str(error) for errors in form.errors.values() for error in errors)


@transaction.atomic
def _carry_out(
    form: ComposerForm, thread: Thread, message_id: str = ""
) -> tuple[Message | None, Run | None]:
    """
    :raises ThreadLocked: a run is active on the thread
    :raises Invalid: the model does not exist any more
    :raises IntegrityError: there is a message with this id by now
    """
    message = form.message()
    added = messages.create(thread, message, message_id) if message else None
    if not form.runs:
        return added, None
    return added, runs.create(thread, form.assistant, form.run_params())


def _led(request: access.Request, address: str) -> HttpResponse:
    """On to another page. A script's own request would follow a plain redirect unseen."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _refused(
    request: access.Request, thread: Thread | None, form: ComposerForm, error: str
) -> HttpResponse:
    if form.options_are_wrong:
        # Told where the page tells it as soon as they are filled in, and by that until they are
        # right.
        error = ""
        if request.htmx:
            context = {"options": form.options}
            return render(request, "threads/_run_wrong.html", context, status=422)
    if request.htmx:
        return HttpResponse(error, status=422, content_type="text/plain; charset=utf-8")
    draft = request.POST.get("content", "")
    return page(
        request, thread, form.assistant, draft=draft, error=error, attached=[*form.attached]
    )

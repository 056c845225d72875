"""What the composer sends: messages, and runs."""

import contextlib

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from assistants.errors import ApiError, ThreadLocked
from assistants.events import log
from assistants.models import Assistant, Message, Run, Thread
from assistants.operations import messages, runs, threads
from assistants.params import RunCreate, validate
from playground import access, fragments, transcript
from playground.forms.composer import ComposerForm
from playground.views.assistants import attached_files
from playground.views.threads import chosen_assistant, page

LOCKED = "A run is active on this thread. Wait for its end or stop it, then send again."
EMPTY = "Write a message first: an empty thread has nothing to answer."


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: access.Request) -> HttpResponse:
    """A new thread with its first message, and a run if one is asked for.

    Who opens the address of a form of this module, as a reload after an error does, is led to the
    page that the form is on.
    """
    if request.method != "POST":
        return redirect("thread-new")
    project = access.project(request)
    assistant = chosen_assistant(request, project)
    if assistant is None:
        return redirect("assistant-new")
    form = _form(request, assistant)
    error = _problem(form) or ("" if form.message() else EMPTY)
    if not error:
        try:
            with transaction.atomic():
                thread = threads.create(project)
                _carry_out(form, thread)
        except ApiError as problem:
            error = problem.message
        else:
            return redirect(f"{reverse('thread', args=[thread.id])}?assistant={assistant.id}")
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
        error = EMPTY
    if error:
        return _refused(request, thread, form, error)
    place = transcript.place_of(log.tip(thread.id))
    try:
        message, run = _carry_out(form, thread)
    except ThreadLocked:
        return _refused(request, thread, form, LOCKED)
    except ApiError as problem:
        return _refused(request, thread, form, problem.message)
    if not request.htmx:
        back = f"{reverse('thread', args=[thread.id])}?assistant={assistant.id}"
        return redirect(f"{back}#{message.id if message else run.id if run else ''}")
    thread.refresh_from_db()
    made = [message.id] if message else []
    state = transcript.state_of(None, place)
    views = transcript.read_items(thread, made, [run.id] if run else [], state)
    return HttpResponse(
        "".join(
            [
                fragments.items(views),
                fragments.title(thread),
                fragments.composer_actions(run),
                fragments.stream(thread, place, run),
            ]
        )
    )


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: access.Request, thread_id: str, run_id: str) -> HttpResponse:
    """Stop a run. Stopping one that has ended, or is about to, changes nothing."""
    run = access.run(request, thread_id, run_id)
    if request.method != "POST":
        return redirect("thread", thread_id)
    with contextlib.suppress(ApiError):
        runs.cancel(run)
    return HttpResponse(status=204) if request.htmx else redirect("thread", thread_id)


def _form(request: access.Request, assistant: Assistant) -> ComposerForm:
    attached = attached_files(request, assistant.project)
    return ComposerForm(request.POST, assistant=assistant, attached=attached)


def _problem(form: ComposerForm) -> str:
    """Why the form cannot be carried out, or empty."""
    if form.is_valid():
        return ""
    return next(str(error) for errors in form.errors.values() for error in errors)


@transaction.atomic
def _carry_out(form: ComposerForm, thread: Thread) -> tuple[Message | None, Run | None]:
    """
    :raises ThreadLocked: a run is active on the thread
    :raises Invalid: the model does not exist any more
    """
    message = form.message()
    added = messages.create(thread, message) if message else None
    if not form.runs:
        return added, None
    params = validate(RunCreate, {"assistant_id": form.assistant.id})
    return added, runs.create(thread, form.assistant, params)


def _refused(
    request: access.Request, thread: Thread | None, form: ComposerForm, error: str
) -> HttpResponse:
    if request.htmx:
        return HttpResponse(error, status=422, content_type="text/plain; charset=utf-8")
    draft = request.POST.get("content", "")
    return page(
        request, thread, form.assistant, draft=draft, error=error, attached=[*form.attached]
    )

"""An assistant as a file, from a file, and twice."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError, Wire
from assistants.models import Assistant, Project, Role
from assistants.operations import assistants
from assistants.params import AssistantCreate, validate
from playground import access
from playground.forms import json_text
from playground.service_words import refusal

MAX_BYTES = 8 * 1024 * 1024
MAX_ASSISTANTS = 100
NOT_TO_BE_SET = ("id", "object", "created_at")


@access.signed_in
@require_safe
def export(request: access.Request, assistant_id: str) -> HttpResponse:
    """The assistant as the API's object, to be kept or imported elsewhere."""
    assistant = access.assistant(request, assistant_id)
    if request.method == "GET":
        assistants.note_exported(assistant)
    text = json.dumps(assistant.to_dict(), indent=2, ensure_ascii=False)
    name = slugify(assistant.name or "") or assistant.id
    response = HttpResponse(text + "\n", content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


@access.signed_in
@require_POST
def duplicate(request: access.Request, assistant_id: str) -> HttpResponse:
    """One more with the same settings and files; a vector store is shared, not copied."""
    assistant = access.assistant(request, assistant_id)
    name = _("{name} (copy)").format(name=(assistant.name or _("Untitled"))[:240])
    fields = assistant.to_dict() | {"name": name}
    if home := assistant.home:
        fields["model"] = f"{home.provider_id}/{assistant.model}"
    try:
        made = _created(assistant.project, fields)
    except ApiError as error:
        messages.error(request, _("It was not copied. {reason}").format(reason=refusal(error)))
        return redirect("assistant", assistant.id)
    said = _("This is “{name}”. Change what should be different.").format(name=name)
    messages.success(request, said)
    return redirect("assistant", made.id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def import_(request: access.Request) -> HttpResponse:
    """Assistants from a file: one object or a list of them. Each that is right is made; of the
    others it is said what is wrong. With ``check`` all this is only said.
    """
    project = access.project(request, Role.EDITOR)
    problems: list[str] = []
    made: list[Assistant] = []
    text = ""
    only_checks = "check" in request.POST
    if request.method == "POST":
        try:
            text = _text(request)
            found = _read(text)
        except ValidationError as error:
            problems, text = error.messages, ""
        else:
            with transaction.atomic():
                made, problems = _import(project, found)
                transaction.set_rollback(only_checks)
        if made and not problems and not only_checks:
            one = len(made) == 1
            count = len(made)
            what = ngettext("{n} assistant", "{n} assistants", count).format(n=count)
            what = (made[0].name or what) if one else what
            messages.success(request, _("Imported: {what}.").format(what=what))
            return redirect("assistant", made[0].id) if one else redirect("assistants")
    context = {
        "section": "assistants",
        "problems": problems,
        "made": made,
        "checked": text if only_checks and made else "",
        "checked_name": _name(request),
    }
    return render(request, "assistants/import.html", context, status=422 if problems else 200)


def _text(request: access.Request) -> str:
    """The text of the file, or the one that was looked at before.

    :raises ValidationError: there is no file, or it is no text
    """
    upload = request.FILES.get("file")
    if upload is None and (checked := request.POST.get("checked")):
        return checked
    if upload is None:
        raise ValidationError(_("Choose a file first."))
    if upload.size is None or upload.size > MAX_BYTES:
        raise ValidationError(_("The file is too large to be one of assistants (8 MB at most)."))
    try:
        text: str = upload.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(_("The file is no text in UTF-8.")) from error
    return text


def _name(request: access.Request) -> str:
    """What the file is called, or the one that was looked at before."""
    upload = request.FILES.get("file")
    return (upload and upload.name) or request.POST.get("checked_name", "")[:255]


def _read(text: str) -> list[Any]:
    """
    :raises ValidationError: it is not JSON
    """
    found = json_text.read(text, limit=MAX_BYTES)
    if isinstance(found, dict) and isinstance(found.get("data"), list):
        found = found["data"]  # as the API lists them
    found = found if isinstance(found, list) else [found]
    if not 0 < len(found) <= MAX_ASSISTANTS:
        said = _("A file holds 1 to {n} assistants, and this one has {found}.")
        number = number_format(len(found), force_grouping=True)
        raise ValidationError(said.format(n=MAX_ASSISTANTS, found=number))
    return found


def _import(project: Project, found: list[Any]) -> tuple[list[Assistant], list[str]]:
    made, problems = [], []
    for number, wire in enumerate(found, 1):
        if not isinstance(wire, dict):
            problems.append(_("{number}: this is no assistant.").format(number=number))
            continue
        try:
            made.append(_created(project, wire))
        except ApiError as error:
            name = str(wire.get("name") or wire.get("id") or _("Untitled"))[:100]
            said = _("{number}, {name}: {reason}")
            problems.append(said.format(number=number, name=name, reason=refusal(error)))
    return made, problems


def _created(project: Project, wire: Wire) -> Assistant:
    """
    :raises ApiError: it is not right, or names a model or a file that is not here
    """
    body = {name: value for name, value in wire.items() if name not in NOT_TO_BE_SET}
    return assistants.create(project, validate(AssistantCreate, body))

"""The start: where a person goes on."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from assistants.models import Thread
from playground import access


@access.signed_in
@require_safe
def home(request: access.Request) -> HttpResponse:
    """To the thread that was used last or, before there is any, to the assistants."""
    threads = Thread.objects.in_project(access.project(request)).last_active_first()
    last = threads.first()
    return redirect("thread", last.id) if last else redirect("assistants")

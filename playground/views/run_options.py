"""The options of a run, looked at as they are filled in."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from playground import access
from playground.forms.run_options import RunOptionsForm


@access.signed_in
@require_safe
def limits(request: access.Request) -> HttpResponse:
    """The fields that have bounds, with what is wrong with them; beside the message too, for the
    options may have been closed meanwhile.
    """
    context = {"options": RunOptionsForm(request.GET), "is_answer": True}
    return render(request, "threads/_run_limits.html", context)

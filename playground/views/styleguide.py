"""The styleguide: every part of the pages in every state, for whoever works on them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from playground import access
from playground.styleguide.parts import sections


@access.signed_in
@require_safe
def show(request: access.Request) -> HttpResponse:
    """All of them on one page, in the theme that is chosen."""
    return render(request, "styleguide/show.html", {"sections": sections(request)})

"""Parts of pages have addresses of their own. Whoever opens one by itself is sent to its page."""

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse


def whole_page(request: HttpRequest, name: str, *args: str, **more: str) -> HttpResponseRedirect:
    """The page of this name, asked for what the part was asked for.

    :param more: what its address says besides
    """
    query = request.GET.copy()
    for key, value in more.items():
        query[key] = value
    return redirect(f"{reverse(name, args=args)}?{query.urlencode()}")

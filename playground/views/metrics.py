"""``GET /metrics``: what operators watch, for Prometheus."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from assistants.metrics import FORMAT, is_open_to
from playground import numbers


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All numbers, for who sends ``Authorization: Bearer <METRICS_TOKEN>``. Without that setting
    there is nothing here.

    :raises Http404: there is no token, or another one was sent
    """
    if not is_open_to(request.headers.get("Authorization", ""), settings.METRICS_TOKEN):
        raise Http404
    return HttpResponse(numbers.told(), content_type=FORMAT)

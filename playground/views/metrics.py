"""``GET /metrics``: what operators watch, for Prometheus."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from assistants import metrics as numbers
from assistants.events import hub
from assistants.models import Run
from playground import interpreter

ACTIVE: Final = ("queued", "in_progress", "requires_action", "cancelling")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All numbers, for who sends ``Authorization: Bearer <METRICS_TOKEN>``. Without that setting
    there is nothing here.

    :raises Http404: there is no token, or another one was sent
    """
    if not numbers.is_open_to(request.headers.get("Authorization", ""), settings.METRICS_TOKEN):
        raise Http404
    return HttpResponse(told(), content_type=numbers.FORMAT)


def told() -> bytes:
    """All that a web server tells."""
    of_others = b"" if settings.INTERPRETER_URL else interpreter.numbers()
    return numbers.told(settings.METRICS_DIR, Present()) + of_others


def told_apart() -> bytes:
    """The same, in a thread that nobody tidies up after."""
    try:
        return told()
    finally:
        connection.close()


class Present(Collector):
    """What is so at this moment."""

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        active = Run.objects.filter(status__in=ACTIVE).values_list("status")
        counts = dict(active.annotate(number=Count("pk")).order_by())
        runs = GaugeMetricFamily("playground_runs", "Runs that go on.", labels=["status"])
        for status in ACTIVE:
            runs.add_metric([status], counts.get(status, 0))
        yield runs
        yield GaugeMetricFamily(
            "playground_followers",
            "Event logs that this web server follows for its readers.",
            value=hub.followers(),
        )

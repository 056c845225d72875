"""``GET /metrics``: what operators watch, for Prometheus."""

import hmac
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from assistants.events import hub
from assistants.metrics import undisturbed
from assistants.models import Run

ACTIVE: Final = ("queued", "in_progress", "requires_action", "cancelling")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All numbers, for who sends ``Authorization: Bearer <METRICS_TOKEN>``. Without that setting
    there is nothing here.

    :raises Http404: there is no token, or another one was sent
    """
    token: str = settings.METRICS_TOKEN
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(sent.encode(), token.encode()):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Present())
    with ExitStack() as reading:
        if settings.METRICS_DIR.is_dir():
            MultiProcessCollector(registry, path=str(settings.METRICS_DIR))  # type: ignore[no-untyped-call]
            reading.enter_context(undisturbed(settings.METRICS_DIR))
        told = generate_latest(registry)
    return HttpResponse(told, content_type=CONTENT_TYPE_LATEST)


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

"""What a web server tells of all processes, for Prometheus."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from assistants import metrics
from assistants.events import hub
from assistants.models import Run
from playground import interpreter

ACTIVE: Final = ("queued", "in_progress", "requires_action", "cancelling")


def told() -> bytes:
    """All that a web server tells."""
    of_others = b"" if settings.INTERPRETER_URL else interpreter.numbers()
    return metrics.told(settings.METRICS_DIR, Present()) + of_others


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

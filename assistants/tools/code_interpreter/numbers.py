"""What operators watch of the interpreter, for Prometheus: `GET /metrics` of its process."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from assistants.tools.code_interpreter import memory
from assistants.tools.code_interpreter.call import ended
from assistants.tools.code_interpreter.tool import Tool

FORMAT: Final = CONTENT_TYPE_LATEST
"""The media type of what `told` gives."""


def told(tool: Tool) -> bytes:
    """All numbers."""
    registry = CollectorRegistry()
    registry.register(_Present(tool))
    registry.register(ended)
    return generate_latest(registry)


class _Present(Collector):
    """What is so at this moment."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        health = self._tool.health()
        pool = self._tool.sessions.pool if self._tool.sessions else None
        kernels = GaugeMetricFamily(
            "playground_interpreter_kernels",
            "Kernels that a session has, and those that wait for one.",
            labels=["state"],
        )
        kernels.add_metric(["in_use"], health.sessions)
        kernels.add_metric(["waiting"], health.warm)
        yield kernels
        for name, what, value in (
            ("up", "Whether code can run.", int(health.ok)),
            ("busy", "Calls that run.", pool.busy if pool else 0),
            ("memory_left_bytes", "Memory that can still be had here.", memory.available()),
        ):
            yield GaugeMetricFamily(f"playground_interpreter_{name}", what, value=value)

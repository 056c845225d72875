"""How fast code runs for a thread that runs code for the first time, and after that.

Ours: the interpreter's client, its process, a sandboxed kernel from the warm pool, and the image
kept as a file of the project, as the worker does it. Direct: the same code in a bare kernel whose
libraries are loaded too.
"""

import asyncio
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median

from django.conf import settings

from assistants.models import File, Project
from assistants.operations import files, projects
from assistants.tools.code_interpreter.client import Ended, Image, Interpreter
from bench import bare_kernel
from bench.figures import Figure, Report
from bench.service import Service
from tests.stack import ROOT

ROUNDS = 5
LIVE_CALLS = 10
WARM_KERNELS = 2
PATIENCE_SECONDS = 60.0
TARGET_SUM_MS = 100.0
TARGET_PLOT_MS = 600.0

SUM = "1+1"
SINE = """
import numpy as np
import matplotlib.pyplot as plt

x = np.linspace(0, 2 * np.pi, 100)
plt.figure(figsize=(10, 6))
plt.plot(x, np.sin(x), label="sin(x)")
plt.title("Sine wave")
plt.xlabel("x")
plt.ylabel("sin(x)")
plt.grid(True)
plt.legend()
plt.show()
"""
WARM_UP = ROOT / "assistants" / "tools" / "code_interpreter" / "inside" / "warm.py"
"""What runs once in every kernel of the pool."""


@dataclass
class Times:
    """Seconds, one for each call."""

    first_sum: list[float] = field(default_factory=list)
    live_sum: list[float] = field(default_factory=list)
    first_plot: list[float] = field(default_factory=list)
    next_plot: list[float] = field(default_factory=list)


def measure(_service: Service) -> Report:
    ours, direct = Times(), Times()
    for _ in range(ROUNDS):
        asyncio.run(measure_ours(ours))
        measure_bare(direct)
    return Report(
        [
            figure("warm session claimed, to 1+1", ours.first_sum, direct.first_sum, TARGET_SUM_MS),
            figure("1+1 in a live session", ours.live_sum, direct.live_sum),
            figure(
                "warm session claimed, to sine plot stored",
                ours.first_plot,
                direct.first_plot,
                TARGET_PLOT_MS,
            ),
            figure("sine plot in a live session, stored", ours.next_plot, direct.next_plot),
        ]
    )


def figure(
    what: str, ours: list[float], direct: list[float], target: float | None = None
) -> Figure:
    """The medians, in milliseconds."""
    return Figure(what, median(ours) * 1e3, "ms", target, median(direct) * 1e3)


async def measure_ours(times: Times) -> None:
    """Two threads: one that computes first, one that draws first."""
    project = await asyncio.to_thread(projects.ensure_default_project)
    async with Interpreter(settings.INTERPRETER_SOCKET) as interpreter:
        computing, drawing = (f"thread_{secrets.token_hex(12)}" for _ in range(2))
        await until_warm(interpreter)
        times.first_sum.append(await compute(interpreter, computing))
        times.live_sum += [await compute(interpreter, computing) for _ in range(LIVE_CALLS)]
        await interpreter.close(computing)
        await until_warm(interpreter)
        times.first_plot.append(await draw(interpreter, drawing, project))
        times.next_plot.append(await draw(interpreter, drawing, project))
        await interpreter.close(drawing)
        await until_warm(interpreter)


async def until_warm(interpreter: Interpreter) -> None:
    """Wait until the pool is full."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await interpreter.health()).warm < WARM_KERNELS:
            await asyncio.sleep(0.05)


async def compute(interpreter: Interpreter, session: str) -> float:
    """The seconds of a call that adds two numbers."""
    begun = time.perf_counter()
    async for output in interpreter.execute(session, SUM, [], deadline=20):
        if isinstance(output, Ended) and output.outcome != "ok":
            raise RuntimeError(output.note)
    return time.perf_counter() - begun


async def draw(interpreter: Interpreter, session: str, project: Project) -> float:
    """The seconds from the call to the plot as a file of the project."""
    begun = time.perf_counter()
    stored = 0.0
    async for output in interpreter.execute(session, SINE, [], deadline=20):
        if isinstance(output, Image):
            pieces = [piece async for piece in interpreter.fetch(session, output.output_id)]
            await asyncio.to_thread(keep, project, b"".join(pieces), output.name)
            stored = time.perf_counter() - begun
    if not stored:
        raise RuntimeError("the code has shown no image")
    return stored


def keep(project: Project, png: bytes, name: str) -> File:
    return files.create(project, BytesIO(png), filename=name, purpose=files.MADE_BY_ASSISTANT)


def measure_bare(times: Times) -> None:
    """The same calls in a kernel that has been warmed up like ours."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        image = Path(folder) / "sine.png"
        with bare_kernel.started(settings.SANDBOX_PYTHON, Path(folder)) as kernel:
            kernel.run(WARM_UP.read_text())
            times.first_sum.append(kernel.run(SUM))
            times.live_sum += [kernel.run(SUM) for _ in range(LIVE_CALLS)]
            times.first_plot.append(kernel.draw(SINE, image))
            times.next_plot.append(kernel.draw(SINE, image))

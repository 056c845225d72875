"""How fast code runs for a thread that runs code for the first time, and after that.

Ours: the interpreter's client, its process, a sandboxed kernel from the warm pool, and the image
kept as a file of the project, as the worker does it. Direct: the same code in a bare kernel whose
libraries are loaded too; for the cold figure, one that has to be started first.

Figures are medians. How much the sandbox costs code that only computes is measured inside the code
itself, round by round in turn with a bare kernel, so that a machine that gets slower slows both.
"""

import asyncio
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median

import psutil
from django.conf import settings

from assistants.models import File, Project
from assistants.operations import files, projects
from assistants.tools.code_interpreter import watch
from assistants.tools.code_interpreter.client import Ended, Image, Interpreter, Logs
from assistants.tools.code_interpreter.limits import MIB, Limits
from bench import bare_kernel
from bench.figures import Figure, Report
from bench.service import Service
from tests.stack import ROOT

ROUNDS = 5
LIVE_CALLS = 10
WARM_KERNELS = 2
PATIENCE_SECONDS = 60.0
PAIRS = 12
MANY = 20
TARGET_SUM_MS = 40.0
TARGET_PLOT_MS = 350.0
TARGET_COLD_MS = 1500.0
TARGET_LIVE_MS = 15.0
TARGET_OVERHEAD_PERCENT = 3.0
LIMITS = Limits()

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
COMPUTE = """
import time
import numpy as np

numbers = np.random.default_rng(0).random((400, 400))
begun, used = time.perf_counter(), time.process_time()
for _ in range(180):
    numbers = np.sqrt(np.sort(np.abs(np.sin(numbers + 1)), axis=1))
print(time.perf_counter() - begun, time.process_time() - used)
"""
"""Prints the seconds that it took and those that a processor worked for it: about one."""
EACH = """
import numpy as np

numbers = np.arange({n}, {n} + 1_000_000, dtype=np.int64)
print(int(numbers.sum()))
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
    cold_sum: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class AtOnce:
    """What threads that ran code at the same moment met: seconds of each, and MB of the fullest."""

    seconds: list[float]
    memory: float


def measure(_service: Service) -> Report:
    ours, direct = Times(), Times()
    for _ in range(ROUNDS):
        asyncio.run(measure_ours(ours))
        measure_bare(direct)
    overhead = asyncio.run(measure_overhead())
    at_once = asyncio.run(run_at_once())
    return Report(
        [
            figure("warm session claimed, to 1+1", ours.first_sum, direct.first_sum, TARGET_SUM_MS),
            figure("cold session, to 1+1", ours.cold_sum, direct.cold_sum, TARGET_COLD_MS),
            figure("1+1 in a live session", ours.live_sum, direct.live_sum, TARGET_LIVE_MS),
            Figure(
                "what the sandbox adds to a second of numpy",
                overhead[0] * 100,
                "%",
                TARGET_OVERHEAD_PERCENT,
            ),
            Figure("the same, in processor time", overhead[1] * 100, "%"),
            Figure(f"{MANY} threads at once, the slowest", max(at_once.seconds), "s"),
            Figure(f"{MANY} threads at once, the median", median(at_once.seconds), "s"),
            Figure(
                f"{MANY} threads at once, the session with most memory",
                at_once.memory,
                "MB",
                LIMITS.memory / MIB,
            ),
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
        await measure_cold(interpreter, times)
        await until_warm(interpreter)


async def measure_cold(interpreter: Interpreter, times: Times) -> None:
    """A session for which no kernel waits: others have taken them all."""
    others = [f"thread_{secrets.token_hex(12)}" for _ in range(WARM_KERNELS)]
    cold = f"thread_{secrets.token_hex(12)}"
    await until_warm(interpreter)
    await asyncio.gather(*(compute(interpreter, other) for other in others))
    times.cold_sum.append(await compute(interpreter, cold))
    for session in (*others, cold):
        await interpreter.close(session)


async def measure_overhead() -> tuple[float, float]:
    """How much longer code computes in a sandbox than in a bare kernel, and how much more processor
    time it takes, as shares: the medians of pairs that were measured one after the other, ours
    first in every second one.

    Both have the low priority of our kernels, which is no cost of the sandbox: it only says who
    waits if others want the processors too.
    """
    shares: list[tuple[float, float]] = []
    session = f"thread_{secrets.token_hex(12)}"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with Interpreter(settings.INTERPRETER_SOCKET) as interpreter:
            await until_warm(interpreter)
            with bare_kernel.started(settings.SANDBOX_PYTHON, Path(folder)) as kernel:
                kernel.run(f"import os; os.nice(5)\n{WARM_UP.read_text()}")

                async def ours() -> list[float]:
                    return [*map(float, (await printed(interpreter, session, COMPUTE)).split())]

                async def bare() -> list[float]:
                    said = await asyncio.to_thread(kernel.printed, COMPUTE)
                    return [*map(float, said.split())]

                await ours()  # which takes the waiting kernel, and has another one made
                await bare()
                await until_warm(interpreter)
                for number in range(PAIRS):
                    if number % 2:
                        inside, outside = await ours(), await bare()
                    else:
                        outside, inside = await bare(), await ours()
                    shares.append((inside[0] / outside[0] - 1, inside[1] / outside[1] - 1))
            await interpreter.close(session)
            await until_warm(interpreter)
    return median(of[0] for of in shares), median(of[1] for of in shares)


async def run_at_once() -> AtOnce:
    """Have many threads run code at the same moment, each its own.

    :raises RuntimeError: one was answered wrongly
    """
    sessions = [f"thread_{secrets.token_hex(12)}" for _ in range(MANY)]
    async with Interpreter(settings.INTERPRETER_SOCKET) as interpreter:
        await until_warm(interpreter)

        async def one(number: int) -> float:
            begun = time.perf_counter()
            said = await printed(interpreter, sessions[number], EACH.format(n=number))
            if int(said) != sum(range(number, number + 1_000_000)):
                raise RuntimeError(f"thread {number} was told {said!r}")
            return time.perf_counter() - begun

        seconds = await asyncio.gather(*map(one, range(MANY)))
        memory = await asyncio.to_thread(fullest)
        await asyncio.gather(*map(interpreter.close, sessions))
        await until_warm(interpreter)
    return AtOnce(seconds, memory)


def fullest() -> float:
    """MB of the sandbox on this machine that holds most, as the watch counts them."""
    sandboxes = [p for p in psutil.process_iter() if p.name() == "bwrap"]
    used = [
        watch.proportional([child.pid for child in one.children(recursive=True)])
        for one in sandboxes
        if one.is_running()
    ]
    return max(used) / MIB


async def printed(interpreter: Interpreter, session: str, code: str) -> str:
    """What the code printed.

    :raises RuntimeError: it did not run to its end
    """
    text = ""
    async for output in interpreter.execute(session, code, [], deadline=120):
        if isinstance(output, Logs):
            text += output.text
        if isinstance(output, Ended) and output.outcome != "ok":
            raise RuntimeError(output.note or text)
    return text


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
        begun = time.perf_counter()
        with bare_kernel.started(settings.SANDBOX_PYTHON, Path(folder)) as cold:
            cold.run(SUM)
            times.cold_sum.append(time.perf_counter() - begun)
        with bare_kernel.started(settings.SANDBOX_PYTHON, Path(folder)) as kernel:
            kernel.run(WARM_UP.read_text())
            times.first_sum.append(kernel.run(SUM))
            times.live_sum += [kernel.run(SUM) for _ in range(LIVE_CALLS)]
            times.first_plot.append(kernel.draw(SINE, image))
            times.next_plot.append(kernel.draw(SINE, image))

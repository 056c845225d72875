"""The Celery application of the beat process, which only rings tasks by name.

It reads the same settings as the others, but as a plain module: Celery's support for Django would
load Django and every model, half of the process's memory, for nothing.
"""

import atexit
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

from celery import Celery
from celery.signals import after_task_publish, beat_init, setup_logging

from playground import lifetimes, logs, own_port, settings

app = Celery("playground", fixups=[])
app.config_from_object("playground.settings", namespace="CELERY")


@atexit.register
def _no_more_signals() -> None:
    """Celery's handlers leave by raising ``SystemExit``. Whoever stops the service may say so twice
    (systemd tells every process, the runner its own); the second one would end what Python does at
    its end with a traceback.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@beat_init.connect
def stop_once(**_: Any) -> None:
    """So it is from the first one on, which Celery's handler of just before is for."""
    ends = cast("Callable[[int, FrameType | None], None]", signal.getsignal(signal.SIGTERM))

    def end(number: int, frame: FrameType | None) -> None:
        _no_more_signals()
        ends(number, frame)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)


@setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """As the other processes have it, in place of Celery's own."""
    logs.configure(settings.LOGGING)


@beat_init.connect
def tell_of_it(**_: Any) -> None:
    """Where METRICS_PORT asks for it."""
    own_port.begin("beat")


@beat_init.connect
def say_that_it_begins_and_has_ended(sender: Any, **_: Any) -> None:
    lifetimes.begins("beat")

    @atexit.register
    def say() -> None:
        _no_more_signals()
        if sender._is_shutdown.is_set():
            lifetimes.ended("beat")


@after_task_publish.connect
def note_that_it_rang(**_: Any) -> None:
    """For who looks whether this process lives: playground/probe.py."""
    if settings.RUNTIME_DIR.is_dir():
        (settings.RUNTIME_DIR / "beat").touch()

"""The Celery application.

Tasks are rung by name (``assistants.doorbell``) and live in ``assistants.tasks``. Only the worker
imports them (``celery worker --include assistants.tasks``), so beat and web stay free of the
engine.
"""

import os
import signal
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

# Being root is dangerous for a worker that unpickles what it is sent. Ours reads JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("playground")
app.config_from_object("django.conf:settings", namespace="CELERY")


@beat_init.connect
def stop_once(**_: Any) -> None:
    """Have beat end by the first signal alone. Whoever stops a service may tell every process and
    the runner, which tells beat again, and Celery's handler would break off the end it has begun.
    """
    ends = cast("Callable[[int, FrameType | None], None]", signal.getsignal(signal.SIGTERM))

    def end(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        ends(number, frame)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)

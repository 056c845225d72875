"""The Celery application.

Tasks are rung by name (``assistants.doorbell``) and live in ``assistants.tasks``. Only the worker
imports them (``celery worker --include assistants.tasks``), so beat and web stay free of the
engine.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import celeryd_init, worker_ready, worker_shutdown

if TYPE_CHECKING:
    from playground.parts import Part

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

# Being root is dangerous for a worker that unpickles what it is sent. Ours reads JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

logger = logging.getLogger("celery.worker")


app = Celery("playground")
app.config_from_object("django.conf:settings", namespace="CELERY")


@celeryd_init.connect
def tell_of_it(**_: Any) -> None:
    """Where METRICS_PORT asks for it."""
    # Here: the settings are read by now, which numbers need (settings.METRICS_DIR).
    from playground import own_port

    own_port.begin("worker", _needed)


def _needed() -> "Mapping[str, Part]":
    from playground import health  # here: Django's models are loaded by now

    return health.beside("worker")


@celeryd_init.connect
def log_what_is_said(**_: Any) -> None:
    """Have what Celery writes past its log when a signal comes be a line like every other."""
    from celery.apps import worker  # here: the web server does without

    def say(message: str, _file: Any = None) -> None:
        logger.info(message)

    worker.safe_say = say  # type: ignore[attr-defined]


@celeryd_init.connect
def wait_for_tables(**_: Any) -> None:
    """Where nobody starts ``prepare`` before it, as in a cluster."""
    from playground import tables  # here: Django is set up by now

    tables.wait()


@worker_ready.connect
def say_that_it_begins(**_: Any) -> None:
    from playground import lifetimes

    lifetimes.begins("worker")


@worker_shutdown.connect
def say_that_it_has_ended(sender: Any, **_: Any) -> None:
    """Celery sends this too where the worker ends for a failure, which it keeps in ``exitcode``."""
    from playground import lifetimes

    if not sender.exitcode:
        lifetimes.ended("worker")

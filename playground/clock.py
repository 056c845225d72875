"""The Celery application of the beat process, which only rings tasks by name.

It reads the same settings as the others, but as a plain module: Celery's support for Django would
load Django and every model, half of the process's memory, for nothing.
"""

import atexit
import signal

from celery import Celery

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

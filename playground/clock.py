"""The Celery application of the beat process, which only rings tasks by name.

It reads the same settings as the others, but as a plain module: Celery's support for Django would
load Django and every model, half of the process's memory, for nothing.
"""

from celery import Celery

app = Celery("playground", fixups=[])
app.config_from_object("playground.settings", namespace="CELERY")

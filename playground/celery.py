"""The Celery application.

Tasks are rung by name (``assistants.doorbell``) and live in ``assistants.tasks``. Only the worker
imports them (``celery worker --include assistants.tasks``), so beat and web stay free of the
engine.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

app = Celery("playground")
app.config_from_object("django.conf:settings", namespace="CELERY")

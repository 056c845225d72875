"""The Celery application.

Tasks are rung by name (``assistants.doorbell``) and live in ``assistants.tasks``. Only the worker
imports them (``celery worker --include assistants.tasks``), so beat and web stay free of the
engine.
"""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

# Being root is dangerous for a worker that unpickles what it is sent. Ours reads JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("playground")
app.config_from_object("django.conf:settings", namespace="CELERY")

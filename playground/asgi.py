"""What the web server runs: ``uvicorn playground.asgi:application``.

Around Django stands the application that writes event streams, so that an open stream costs no
thread, and around that the limit on a request's size.
"""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from assistants.events.sse import Streams
from playground.body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

application = BodyLimit(Streams(get_asgi_application()), settings.MAX_BODY_BYTES)

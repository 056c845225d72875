"""What the web server runs: ``uvicorn playground.asgi:application``.

Around Django stands the application that writes event streams, so that an open stream costs no
thread.
"""

import os

from django.core.asgi import get_asgi_application

from assistants.events.sse import Streams

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

application = Streams(get_asgi_application())

"""What the web server runs: ``uvicorn playground.asgi:application``.

Around Django stands the application that writes event streams, so that an open stream costs no
thread, and around that the limit on a request's size.
"""

import os
import warnings

from django.conf import settings
from django.core.asgi import get_asgi_application

from assistants.events.sse import Streams
from playground.body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

# whitenoise hands out a file as an ordinary iterator, which Django reads in a thread (see
# docs/decisions/static-files.md).
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

application = BodyLimit(
    Streams(get_asgi_application()),
    max_bytes=settings.MAX_BODY_BYTES,
    max_upload_bytes=settings.MAX_UPLOAD_BYTES,
    session_cookie=settings.SESSION_COOKIE_NAME,
)

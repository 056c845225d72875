"""What a request is known to be once it has passed the middleware and the key check."""

from django.http import HttpRequest

from assistants.api.dialects import Dialect
from assistants.models import Project


class ApiRequest(HttpRequest):
    """``project`` is where every query starts, ``key_scope`` what the key may do (``scope`` is the
    server's own); they are set by ``auth``, the rest by ``middleware``.
    """

    project: Project
    key_scope: str
    dialect: Dialect
    request_id: str

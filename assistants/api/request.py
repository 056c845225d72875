"""What a request is known to be once it has passed the middleware and the key check."""

from django.http import HttpRequest

from assistants.api.dialects import Dialect
from assistants.models import Project


class ApiRequest(HttpRequest):
    """``project`` is where every query starts, ``scope`` what the key may do; they are set by
    ``auth``, the rest by ``middleware``.
    """

    project: Project
    scope: str
    dialect: Dialect
    request_id: str

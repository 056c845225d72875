"""Objects as JSON responses."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from assistants.api import dialects
from assistants.api.request import ApiRequest
from assistants.errors import Wire
from assistants.models import (
    Assistant,
    File,
    FileBatch,
    Message,
    Run,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
)
from assistants.models.base import M, ObjectQuerySet
from assistants.params import ListParams

Object = (
    Assistant | Thread | Message | Run | RunStep | File | VectorStore | VectorStoreFile | FileBatch
)


def json_response(wire: Wire, status: int = 200) -> HttpResponse:
    content = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(content, content_type="application/json", status=status)


def reply(request: ApiRequest, found: Object | Wire) -> HttpResponse:
    """One object."""
    wire = found if isinstance(found, dict) else found.to_dict()
    return json_response(dialects.spoken(request.dialect, wire))


def reply_page(request: ApiRequest, found: ObjectQuerySet[Any], params: ListParams) -> HttpResponse:
    """The page of a list that was asked for.

    :raises NotFound: the object that ``after`` or ``before`` names is not in the list
    """
    return json_response(
        page(found, params, lambda item: dialects.spoken(request.dialect, item.to_dict()))
    )


def page(found: ObjectQuerySet[M], params: ListParams, shown: Callable[[M], Wire]) -> Wire:
    """A page as the list object of the API, each of its items as ``shown`` shows it.

    :raises NotFound: the object that ``after`` or ``before`` names is not in the list
    """
    objects, more = found.page(
        limit=params.limit, order=params.order, after=params.after, before=params.before
    )
    data = [shown(item) for item in objects]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": more,
    }

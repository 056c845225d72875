"""The addresses of the API, and its interactive reference at ``/v1/docs``."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import pydantic
from django.http import HttpResponse
from django.urls import path
from ninja import NinjaAPI
from ninja.errors import ValidationError, ValidationErrorContext
from ninja.operation import Operation
from pydantic_core import ErrorDetails
from typing_extensions import override

from assistants.api import (
    assistants,
    attached_files,
    file_batches,
    files,
    messages,
    models,
    problems,
    runs,
    steps,
    threads,
    vector_store_files,
    vector_stores,
)
from assistants.api.auth import BearerKey, HeaderKey
from assistants.api.bodies import BodyParser
from assistants.params import Params

View = Callable[..., HttpResponse]

DESCRIPTION = """
The Assistants API, as OpenAI and Azure OpenAI served it. Clients of either need only another
address and a key: `/v1` for OpenAI's, this server's own address for Azure's, which ask for
`/openai/...?api-version=...`.
"""

NOUNS = (
    "Assistants",
    "Threads",
    "Messages",
    "Runs",
    "Run steps",
    "Files",
    "Vector stores",
    "Vector store files",
    "Vector store file batches",
    "Models",
)
"""The order in which the reference shows them."""


class AssistantsApi(NinjaAPI):
    """Ninja, with pydantic's findings kept whole, for ``params`` to translate."""

    @override
    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        found = [finding for context in error_contexts for finding in _found(context)]
        return ValidationError(cast("list[dict[str, Any]]", found))

    @override
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def _found(context: ValidationErrorContext[Any]) -> list[ErrorDetails]:
    """What pydantic has found, at places as the caller knows them.

    Ninja validates a body, a query or a form as the only field of a model of its own. Where nothing
    was sent at all, what is missing is what would be missing of an empty object.
    """
    error, model = context.pydantic_validation_error, context.model
    found = error.errors(include_url=False)
    if model.__ninja_param_source__ == "file":
        return found
    if found[0]["type"] == "missing" and len(found[0]["loc"]) == 1:
        name = found[0]["loc"][0]
        return _found_in_nothing(model.model_fields[name].annotation)
    return [{**one, "loc": one["loc"][1:]} for one in found]


def _found_in_nothing(params: type[Params]) -> list[ErrorDetails]:
    try:
        params.model_validate({})
    except pydantic.ValidationError as error:
        return error.errors(include_url=False)
    raise TypeError(f"{params.__name__} needs nothing, so it must be optional")


def _with_pictures(view: View) -> View:
    """The reference's own style sheet holds its pictures; nothing else differs from our pages."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response

    return shown


api = AssistantsApi(
    title="Assistants API",
    version="2.0",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_decorator=_with_pictures,
    auth=[BearerKey(), HeaderKey()],
    parser=BodyParser(),
    openapi_extra={"tags": [{"name": name} for name in NOUNS]},
)
api.add_router("", runs.router)  # before threads, which would take "runs" for the id of one
api.add_router("", steps.router)
api.add_router("", messages.router)
api.add_router("", attached_files.router)
api.add_router("/threads", threads.router)
api.add_router("/assistants", assistants.router)
api.add_router("/files", files.router)
api.add_router("", vector_store_files.router)
api.add_router("", file_batches.router)
api.add_router("/vector_stores", vector_stores.router)
api.add_router("/models", models.router)
problems.answered_by(api)


urlpatterns = [path("v1/", api.urls)]

"""The addresses of the API, and its interactive reference at ``/v1/docs``."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import ValidationError, ValidationErrorContext
from ninja.operation import Operation
from typing_extensions import override

from assistants.api import assistants, files, messages, models, problems, runs, steps, threads
from assistants.api.auth import BearerKey, HeaderKey
from assistants.api.bodies import BodyParser
from assistants.api.request import ApiRequest

DESCRIPTION = """
The Assistants API, as OpenAI and Azure OpenAI served it. Clients of either need only another
address and a key: `/v1` for OpenAI's, this server's own address for Azure's, which ask for
`/openai/...?api-version=...`.
"""


class AssistantsApi(NinjaAPI):
    """Ninja, with pydantic's findings kept whole, for ``params`` to translate."""

    @override
    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        # Ninja validates a body as the only field of a model of its own; callers know nothing of
        # that.
        return ValidationError(
            [
                {**found, "loc": found["loc"][1:] if len(found["loc"]) > 1 else found["loc"]}
                for context in error_contexts
                for found in context.pydantic_validation_error.errors(include_url=False)
            ]
        )

    @override
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = AssistantsApi(
    title="Assistants API",
    version="2.0",
    description=DESCRIPTION,
    urls_namespace="api",
    auth=[BearerKey(), HeaderKey()],
    parser=BodyParser(),
)
api.add_router("", runs.router)  # before threads, which would take "runs" for the id of one
api.add_router("", steps.router)
api.add_router("", messages.router)
api.add_router("/threads", threads.router)
api.add_router("/assistants", assistants.router)
api.add_router("/files", files.router)
api.add_router("/models", models.router)
problems.answered_by(api)


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address below ``/v1``."""
    asked = cast("ApiRequest", request)
    return problems.answer(asked, problems.unknown_address(asked))


urlpatterns = [
    path("v1/", api.urls),
    re_path(r"^v1(?:/|$)", nothing_here),
]

"""The service as a Django application."""

from django.apps import AppConfig
from typing_extensions import override

from assistants import traces


class AssistantsConfig(AppConfig):
    """Models, operations, engine and HTTP API of the Assistants API."""

    name = "assistants"
    verbose_name = "Assistants API"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        traces.begin()

"""The service as a Django application."""

from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    """Models, operations, engine and HTTP API of the Assistants API."""

    name = "assistants"
    verbose_name = "Assistants API"
    default_auto_field = "django.db.models.BigAutoField"

"""The studio as a Django application."""

from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """Pages, templates tags and commands of the studio."""

    name = "playground"
    verbose_name = "Studio"

    def ready(self) -> None:
        """Make our Celery application the one that ``assistants.doorbell`` rings through."""
        import playground.celery  # noqa: F401

"""The studio as a Django application."""

from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """Pages, templates tags and commands of the studio."""

    name = "playground"
    verbose_name = "Studio"

    def ready(self) -> None:
        """Make our Celery application the one that ``assistants.doorbell`` rings through, and have
        ``manage.py check --deploy`` look at our settings too.
        """
        import playground.celery
        import playground.checks  # noqa: F401

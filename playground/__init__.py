"""The Django project and the studio: the pages on top of the service in ``assistants``."""

from playground.celery import app as celery_app

__all__ = ["celery_app"]

"""What is ready before anybody opens a page."""

from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.loaders.cached import Loader
from django.test import Client

from assistants.models import Assistant, Project
from playground.warm_up import warm_up
from tests.factories import make_thread


def test_the_first_view_of_a_thread_reads_no_template(
    page: Client, project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, "Hello")
    backend = engines["django"]
    assert isinstance(backend, DjangoTemplates)
    (loader,) = backend.engine.template_loaders
    assert isinstance(loader, Loader)
    loader.reset()
    warm_up()
    ready = set(loader.get_template_cache)
    assert page.get(f"/threads/{thread.id}").status_code == 200
    assert set(loader.get_template_cache) == ready

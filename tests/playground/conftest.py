"""The people who use the studio: its owner, and a stranger who works in another project."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants.models import Assistant, Project, Role, Thread
from assistants.operations import projects
from assistants.operations.people import local_owner as owner
from tests.factories import make_assistant, make_project, make_thread

HTMX = {"HX-Request": "true"}


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture
def page(project: Project) -> Client:
    """A browser of the owner."""
    client = Client()
    client.force_login(owner())
    # The first request of a session writes down which browser it is.
    client.get("/login")
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    """A browser of somebody who is signed in, but works in another project."""
    user = User.objects.create_user("stranger")
    projects.add_member(make_project("Somewhere else"), user.pk, Role.OWNER)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def assistant(project: Project) -> Assistant:
    return make_assistant(project, name="Plotter", tools=[{"type": "code_interpreter"}])


@pytest.fixture
def thread(project: Project) -> Thread:
    """A thread with one message."""
    return make_thread(project, "Create a visualization of a sinewave")

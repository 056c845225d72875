"""Threads are found by what was said in them, on either database."""

import pytest

from assistants.models import Message, Thread
from assistants.operations import projects

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "words",
    [
        "Größe",
        "GRO",
        "öße",
        '"hé"',
        "hé",
        "straße",
        "Straße 50%",
        "50%",
        "_x",
        "北京",
        "two\nlines",
    ],
)
def test_words_are_found_in_whatever_script_and_with_whatever_signs(words: str) -> None:
    project = projects.ensure_default_project()
    said = 'Say "hé" and\nstop. In two\nlines: straße, Straße 50% _x 北京'
    thread = Thread.objects.create(project=project, metadata={"title": "Große Größe"})
    part = {"type": "text", "text": {"value": said, "annotations": []}}
    Message.objects.create(thread=thread, role="user", content=[part])
    Thread.objects.create(id="thread_other", project=project, metadata={"title": "another"})
    assert list(Thread.objects.matching(words)) == [thread]


@pytest.mark.parametrize("words", ["yx", "50_", "天"])
def test_what_nobody_said_is_not_found(words: str) -> None:
    project = projects.ensure_default_project()
    thread = Thread.objects.create(id="thread_1", project=project)
    part = {"type": "text", "text": {"value": "hé 50% _x 北京", "annotations": []}}
    Message.objects.create(thread=thread, role="user", content=[part])
    assert list(Thread.objects.matching(words)) == []

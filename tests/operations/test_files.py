"""Storing files."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from assistants.models import File, LeftContent, Message, Thread
from assistants.operations import files
from tests.factories import make_file, make_project


@pytest.mark.disk
@pytest.mark.django_db
def test_a_file_that_lies_on_the_disk_is_moved_and_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.write_bytes(b"made by code")
    made = path.stat()

    file = files.move_in(make_project(), path, filename="a.txt", purpose="assistants_output")

    with files.open_content(file) as content:
        assert content.read() == b"made by code"
        assert Path(content.name).stat().st_ino == made.st_ino
    assert (file.bytes, file.filename) == (12, "a.txt")
    assert not path.exists()


@pytest.mark.django_db
def test_a_file_that_a_message_names_is_not_discarded_and_others_are() -> None:
    project = make_project()
    named, other = make_file(project), make_file(project)
    thread = Thread.objects.create(project=project)
    attachments = [{"file_id": named.id, "tools": [{"type": "file_search"}]}]
    Message.objects.create(thread=thread, role="user", content=[], attachments=attachments)

    assert files.uses(project, [named])[named.id].thread_ids == [thread.id]
    assert files.uses(project, [named, other])[named.id].thread_ids == [thread.id]
    assert not files.uses(project, [other])[other.id]
    assert files.discard(other)
    assert not files.discard(named)


@pytest.mark.disk
@pytest.mark.django_db
def test_what_is_left_goes_past_what_cannot_be_deleted_and_what_a_row_names_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "LEFT_FOR", -files.LEFT_FOR)
    again, gone = make_file(content="again"), make_file(content="gone")
    # A folder with something in it has the first name.
    stuck = default_storage.save("proj_gone/stuck/inside", ContentFile(b"x"))
    for key in ("proj_gone/stuck", again.key, gone.key):
        LeftContent.objects.create(key=key)
    File.objects.filter(pk=gone.pk).delete()

    assert files.drop_left() == 2
    assert LeftContent.objects.get().key == "proj_gone/stuck"
    assert default_storage.exists(again.key)
    assert not default_storage.exists(gone.key)
    default_storage.delete(stuck)

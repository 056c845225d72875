"""What is known of objects that are here and on another server."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from assistants.models import File, UpstreamFile
from assistants.operations import connections, files, upstream_mirrors
from assistants.operations.connections import Connection
from assistants.operations.providers import Provider
from tests.factories import make_assistant, make_project, make_run, make_thread


@pytest.mark.django_db(transaction=True)
def test_of_two_who_copy_a_file_at_once_one_keeps_it_and_no_transaction_waits_for_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    row = connections.connect(
        project, Connection("assistants", "T", "http://127.0.0.1:9/v1", "sk-x")
    )
    provider = Provider("assistants", "T", id=row.pk)
    run = make_run(make_thread(project, "hello"), make_assistant(project))
    path = tmp_path / "there"
    path.write_bytes(b"bread")

    def copy() -> str:
        return upstream_mirrors.keep_copied_file(run, provider, "file-there", path, "a.txt")

    stored, keys, first = files.stored, [], []

    def meanwhile(*about: Any) -> File:
        assert not connection.in_atomic_block
        monkeypatch.setattr(files, "stored", stored)
        first.append(copy())
        file = stored(*about)
        keys.append(file.key)
        return file

    monkeypatch.setattr(files, "stored", meanwhile)
    assert [copy()] == first
    assert UpstreamFile.objects.get().file_id == first[0]
    assert File.objects.count() == 1
    assert not default_storage.exists(keys[0])
    assert copy() == first[0]

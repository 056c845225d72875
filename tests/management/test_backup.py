"""``manage.py backup`` and ``restore``: what was kept is there again, on both databases."""

import gzip
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from assistants.models import Project
from playground import backups, rows
from tests import object_store
from tests.factories import make_file, make_project
from tests.management.installation import DUMP, GO_ON, Installation
from tests.stack import ROOT, clean_environment

OLD = [["assistants", "0012_memberships"], ["auth", "0012_alter_user_first_name_max_length"]]
"""A version of some time ago, whose backups are restored too."""
REINDEX = """
from io import StringIO
from django.core.management import call_command
call_command("reindex", stdout=StringIO())
"""


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What other tests have stored is no file of these."""
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path_factory.mktemp("files")},
    }
    settings.STORAGES = {**settings.STORAGES, "default": storage}


@pytest.fixture(scope="module")
def archive(filled: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an installation with something in every table and a key of its own."""
    (filled.folder / "secret_key").write_text("kept-by-make-run")
    archive = tmp_path_factory.mktemp("backup") / "a.tar"
    said = filled.manage("backup", str(archive))
    assert f"{len(stored(filled)):,} files" in said
    return archive


@pytest.fixture(scope="module")
def dump(filled: Installation) -> str:
    return filled.run(DUMP)


@pytest.fixture
def bare(filled: Installation, tmp_path: Path) -> Installation:
    """Where nothing is yet, not even the folder."""
    return Installation(tmp_path / "new", filled.environment["REDIS_URL"])


def stored(installation: Installation) -> dict[str, str]:
    """What the files hold, by their paths."""
    return {
        str(path.relative_to(installation.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (installation.folder / "files").rglob("*")
        if path.is_file()
    }


def test_a_backup_is_restored_to_the_same_rows_files_and_key(
    filled: Installation, dump: str, archive: Path, bare: Installation
) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    assert not archive.with_name("a.tar.part").exists()

    assert "the same as in the backup" in bare.manage("restore", str(archive))

    # Numbers go on where they were, and files are found.
    found, hits = bare.run(DUMP + REINDEX + GO_ON).splitlines()
    assert json.loads(found) == json.loads(dump)
    assert "bread and salt" in hits
    assert stored(filled).items() <= stored(bare).items()
    assert (bare.folder / "secret_key").read_text() == "kept-by-make-run"


def test_a_backup_goes_to_postgresql_and_object_storage_and_back(
    filled: Installation, dump: str, archive: Path, bare: Installation, target: str, tmp_path: Path
) -> None:
    with object_store.server() as port:
        there = {"DATABASE_URL": target, **object_store.environment(port, "kept")}
        said = bare.manage("restore", str(archive), **there)
        assert "1 without characters that PostgreSQL does not hold" in said
        again = f"""
from pathlib import Path
from playground import backups
backups.make(Path({str(tmp_path / "b.tar")!r}), lambda _: None)
"""
        after = bare.run(DUMP + again, **there)
        assert json.loads(dump.replace("nu\\\\u0000ll", "null")) == json.loads(after)
        assert not stored(bare)
    home = Installation(tmp_path / "home", filled.environment["REDIS_URL"])
    home.manage("restore", str(tmp_path / "b.tar"))
    assert json.loads(home.run(DUMP)) == json.loads(after)
    assert stored(home) == stored(filled)


@pytest.mark.django_db(transaction=True)
def test_rows_are_those_of_one_moment_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the backup reads, somebody else writes."""
    make_project("before")
    writer = threading.Thread(target=write_later)
    one_moment = backups._applied

    def applied() -> list[list[str]]:
        found = one_moment()  # the first that is read within the moment
        writer.start()
        writer.join(20)
        assert not writer.is_alive(), "it waits"
        return found

    monkeypatch.setattr(backups, "_applied", applied)
    told = backups.make(tmp_path / "a.tar", lambda _: None)

    assert {project.name for project in Project.objects.all()} >= {"before", "later"}
    with tarfile.open(tmp_path / "a.tar") as archive:
        content = archive.extractfile("tables/assistants_project.jsonl.gz")
        assert content
        kept = [json.loads(line)["name"] for line in gzip.decompress(content.read()).splitlines()]
    assert "before" in kept
    assert "later" not in kept
    assert told.files == 0
    backups.verified(tmp_path / "a.tar")


def write_later() -> None:
    make_file(make_project("later"), "later")
    connection.close()


@pytest.mark.django_db
def test_a_backup_of_an_older_version_is_brought_up_to_date(
    bare: Installation, tmp_path: Path
) -> None:
    leaves = [(app, name) for app, name in OLD]
    apps = MigrationExecutor(connection).loader.project_state(leaves).apps
    row = apps.get_model("assistants", "Project")(id="proj_old", name="Old")
    line = gzip.compress(json.dumps(rows.to_json(row)).encode() + b"\n")
    name = "tables/assistants_project.jsonl.gz"
    manifest = {
        "format": backups.FORMAT,
        "migrations": OLD,
        "tables": {"assistants_project": [str(number) for number in rows.checksum([row])]},
        "missing": [],
        "sha256": {name: hashlib.sha256(line).hexdigest()},
    }
    with tarfile.open(tmp_path / "old.tar", "w") as archive:
        for entry, content in ((name, line), (backups.MANIFEST, json.dumps(manifest).encode())):
            told = tarfile.TarInfo(entry)
            told.size = len(content)
            archive.addfile(told, io.BytesIO(content))

    bare.manage("restore", str(tmp_path / "old.tar"))
    with closing(sqlite3.connect(bare.folder / "database.sqlite3")) as database:
        assert database.execute("SELECT name FROM assistants_project").fetchall() == [("Old",)]
        assert database.execute("SELECT count(*) FROM assistants_share").fetchone() == (0,)

    # A table stands in the way of a later migration.
    other = Installation(tmp_path / "other", bare.environment["REDIS_URL"])
    other.folder.mkdir()
    with closing(sqlite3.connect(other.folder / "database.sqlite3")) as database:
        database.execute("CREATE TABLE assistants_share (id TEXT)")
    said = other.tried("restore", str(tmp_path / "old.tar"))
    assert said.returncode == 1
    assert "All rows and files were restored, but the database could not be" in said.stderr


@pytest.mark.django_db
def test_nothing_is_restored_of_what_is_not_whole(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as entries:
        first = next(entry for entry in entries if entry.name.startswith("files/"))
    place = first.offset_data
    harmed = {
        "is damaged: files/": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
        "a.tar": whole[: len(whole) // 2],
        "cannot be read": b"something else",
        "made by a newer version": whole.replace(b'["assistants", "00', b'["assistants", "99'),
    }
    for said, content in harmed.items():
        broken = tmp_path / "a.tar"
        broken.write_bytes(content)
        with pytest.raises(backups.Broken, match=said):
            backups.restore(broken, lambda _: None)


@pytest.mark.django_db
def test_nothing_is_restored_over_something_and_no_backup_written_over_another(
    archive: Path,
) -> None:
    make_project()
    with pytest.raises(backups.Broken, match="The database is not empty: assistants_project"):
        backups.restore(archive, lambda _: None)
    before = archive.read_bytes()
    with pytest.raises(backups.Broken, match="is there already"):
        backups.make(archive, lambda _: None)
    assert archive.read_bytes() == before


def test_nothing_is_restored_beside_files_that_the_backup_knows_nothing_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    storage = FileSystemStorage(tmp_path / "files")
    monkeypatch.setattr(backups, "default_storage", storage)
    backups._check_no_files()
    (tmp_path / "files" / "2026" / "empty").mkdir(parents=True)
    backups._check_no_files()
    (tmp_path / "files" / "2026" / "other").touch()
    with pytest.raises(backups.Broken, match="The file storage is not empty: 2026/other is there"):
        backups._check_no_files()


@pytest.mark.parametrize("there", [(), ("notes.txt", "files")])
def test_what_is_refused_leaves_nothing_behind(bare: Installation, there: tuple[str, ...]) -> None:
    """The next try may be the first start of a new one."""
    for name in there:
        (bare.folder / name).mkdir(parents=True)
    refused = bare.tried("restore", str(bare.folder.with_name("nothing.tar")))
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: Nothing was restored. ")
    assert bare.folder.exists() == bool(there)
    if there:
        assert {path.name for path in bare.folder.rglob("*")} == set(there)


MEANWHILE = """
import django
from django.conf import settings
from django.core.management import CommandError, call_command
from playground import backups
from playground.runner import places
def make(*names):
    for name in names:
        (settings.DATA_DIR / name).write_text("another's")
made = places.make_folders
def make_folders():
    made()
    make(*{before!r})
def restore(*_):
    make("secret_key", "files/half", "notes.txt")
    raise backups.Broken("It is torn.")
places.make_folders, backups.restore = make_folders, restore
try:
    call_command("restore", "any.tar")
except CommandError as error:
    print(error)
"""
"""Others make something before the lock is had, and under names of theirs until it is refused."""


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "before, left",
    [
        ((), {"notes.txt"}),
        (
            ("database.sqlite3", "secret_key", "files/one"),
            {"notes.txt", "database.sqlite3", "secret_key", "files", "files/one", "files/half"},
        ),
    ],
)
def test_what_others_make_meanwhile_is_not_taken_back(
    bare: Installation, before: tuple[str, ...], left: set[str]
) -> None:
    told = bare.run(MEANWHILE.format(before=before))
    assert "Nothing was restored. It is torn." in told
    assert {str(path.relative_to(bare.folder)) for path in bare.folder.rglob("*")} == left


@pytest.mark.sqlite
def test_there_is_no_backup_of_what_was_never_started(bare: Installation, tmp_path: Path) -> None:
    for _ in range(2):
        refused = bare.tried("backup", str(tmp_path / "b.tar"))
        assert refused.returncode == 1
        assert refused.stderr == (
            f"CommandError: There is no backup. Nothing is here yet (DATA_DIR is {bare.folder}): "
            "name the DATA_DIR, or the DATABASE_URL, of the installation.\n"
        )
        bare.folder.mkdir(exist_ok=True)
    assert list(bare.folder.iterdir()) == []


def test_there_is_no_backup_of_an_empty_database(
    bare: Installation, target: str, tmp_path: Path
) -> None:
    refused = bare.tried("backup", str(tmp_path / "b.tar"), DATABASE_URL=target)
    assert "There is no backup. Nothing is here yet" in refused.stderr


@pytest.mark.parametrize(
    "command, said",
    [
        ("backup", "make backup TO=/backups/monday.tar"),
        ("restore", "make restore FROM=/backups/monday.tar"),
    ],
)
def test_make_is_told_which_file(command: str, said: str) -> None:
    done = subprocess.run(
        ["make", command],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = (done.stdout + done.stderr).splitlines()
    assert said in line


STOPPED = """
import io, signal
from django.core.management import CommandError, call_command
class Stop(io.StringIO):
    def write(self, told):
        signal.raise_signal(signal.SIGTERM)
try:
    call_command({command!r}, {path!r}, stdout=Stop())
except CommandError as error:
    print(error)
"""
"""A command that is told to stop as soon as it says something."""


def test_what_is_told_to_stop_leaves_nothing_behind(
    filled: Installation, archive: Path, bare: Installation, tmp_path: Path
) -> None:
    other = tmp_path / "b.tar"
    told = filled.run(STOPPED.format(command="backup", path=str(other)))
    assert "There is no backup: it was told to stop." in told
    assert list(tmp_path.glob("b.tar*")) == []
    told = bare.run(STOPPED.format(command="restore", path=str(archive)))
    assert "Nothing was restored: it was told to stop." in told
    assert "the same as in the backup" in bare.manage("restore", str(archive))


@pytest.mark.django_db(transaction=True)
def test_a_stop_when_all_is_restored_is_not_told_as_nothing(
    archive: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    told = iter([None, KeyboardInterrupt()])  # the second brings it up to date

    def migrate(*_: object) -> None:
        if stop := next(told):
            raise stop

    monkeypatch.setattr(MigrationExecutor, "migrate", migrate)
    with pytest.raises(backups.Unfinished, match="it was told to stop"):
        backups.restore(archive, lambda _: None)


@pytest.mark.disk
@pytest.mark.django_db
def test_what_fails_is_told_and_what_can_be_taken_back_is(
    archive: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    with tarfile.open(archive) as entries:
        keys = [name.removeprefix("files/") for name in entries.getnames() if "files/" in name]
    first, *others = (Path(default_storage.path(key)) for key in keys)

    def fail(_told: str) -> None:
        # All files are stored by now. The first cannot be deleted any more.
        first.unlink()
        (first / "inside").mkdir(parents=True)
        raise ValueError("the one to be told")

    with pytest.raises(ValueError, match="the one to be told"):
        backups.restore(archive, fail)
    assert others
    assert not any(other.exists() for other in others)
    shutil.rmtree(first)


@pytest.mark.django_db
def test_nothing_is_restored_beside_another_secret_key(
    archive: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret_key").write_text("another")
    settings.SECRET_KEY = "another"
    with pytest.raises(backups.Broken, match="The secret key here is another"):
        backups.restore(archive, lambda _: None)
    assert not Project.objects.exists()


def test_a_backup_without_its_key_is_restored_beside_the_same_key_only(
    filled: Installation, bare: Installation, tmp_path: Path
) -> None:
    place = str(tmp_path / "a.tar")
    filled.manage("backup", place, SECRET_KEY="one " * 16)
    for environment in ({}, {"SECRET_KEY": "another " * 8}):
        refused = bare.tried("restore", place, **environment)
        assert refused.returncode != 0
        assert "set SECRET_KEY to the same here" in refused.stderr
    assert "the same as" in bare.manage("restore", place, SECRET_KEY="one " * 16)


@pytest.mark.django_db(transaction=True)
def test_no_archive_is_made_that_lists_more_files_than_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "ROWS", 1)
    for word in ("bread", "salt"):
        make_file(content=word)
    assert backups.make(tmp_path / "a.tar", lambda _: None).files == 2
    monkeypatch.setattr(backups, "LONGEST", backups.PIECE + 200)
    with pytest.raises(backups.Broken, match="more files than an archive can list"):
        backups.make(tmp_path / "b.tar", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]

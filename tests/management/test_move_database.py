"""``manage.py move_database``: what an installation on SQLite has is on PostgreSQL afterwards."""

import json
import sqlite3
from contextlib import closing

import psycopg
import pytest

from tests.management.installation import DUMP, GO_ON, Installation

SIGN_IN_LINK = """
from assistants.models import LoginToken

LoginToken.objects.create(digest="0" * 64)
"""
"""One that was used would be good again where it was copied."""


def is_empty(target: str) -> bool:
    """Whether the target has none of our rows."""
    with psycopg.connect(target) as there:
        found = there.execute("SELECT to_regclass('assistants_project') IS NULL").fetchone()
        assert found
        if found[0]:
            return True
        counted = there.execute("SELECT count(*) FROM assistants_project").fetchone()
        return counted == (0,)


def test_everything_is_there_afterwards(installation: Installation, target: str) -> None:
    installation.run(SIGN_IN_LINK)
    before = json.loads(installation.run(DUMP))
    names = set(before)
    with closing(sqlite3.connect(installation.folder / "database.sqlite3")) as source:
        tables = {
            name
            for (name,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
    assert tables - names == {"django_migrations", "sqlite_sequence"}
    # Nothing of ours is empty, so that everything is tried.
    assert {name for name in names if not before[name]} <= {
        "auth_group",
        "auth_group_permissions",
        "auth_user_groups",
        "auth_user_user_permissions",
        # What axes can keep too, and is not asked to.
        "axes_accessattemptexpiration",
        "axes_accessfailurelog",
        "axes_accesslog",
    }

    said = installation.manage("move_database", target)

    links = before.pop("assistants_logintoken")
    assert links
    for name, rows in before.items():
        assert f"{name}: {len(rows):,} rows" in said
    assert "1 without characters that PostgreSQL does not hold" in said
    after = json.loads(installation.run(DUMP, DATABASE_URL=target))
    assert after.pop("assistants_logintoken") == []
    assert json.loads(json.dumps(before).replace("nu\\\\u0000ll", "null")) == after
    # The source is as it was.
    assert json.loads(installation.run(DUMP)) == {**before, "assistants_logintoken": links}

    # Numbers go on where they were, and files are found.
    installation.manage("reindex", DATABASE_URL=target)
    assert "bread and salt" in installation.run(GO_ON, DATABASE_URL=target)


def test_a_target_with_something_in_it_is_left_alone(
    installation: Installation, target: str
) -> None:
    installation.manage("move_database", target)
    again = installation.tried("move_database", target)
    assert again.returncode == 1
    assert "The target is not empty: " in again.stderr
    assert "Traceback" not in again.stderr


def test_nothing_is_copied_while_something_has_the_database_open(
    installation: Installation, target: str
) -> None:
    with closing(sqlite3.connect(installation.folder / "database.sqlite3")) as other:
        other.execute("SELECT * FROM assistants_project").fetchall()
        refused = installation.tried("move_database", target)
    assert refused.returncode == 1
    assert "Stop the server first" in refused.stderr
    assert is_empty(target)


def test_a_row_that_postgresql_does_not_take_is_named_and_nothing_is_copied(
    installation: Installation, target: str
) -> None:
    with closing(sqlite3.connect(installation.folder / "database.sqlite3")) as source, source:
        source.execute("UPDATE assistants_thread SET opening = ?", ["x" * 500])
    refused = installation.tried("move_database", target)
    assert refused.returncode == 1
    assert "assistants_thread: PostgreSQL does not take one of the rows thread_" in refused.stderr
    assert "value too long" in refused.stderr
    assert is_empty(target)


@pytest.mark.parametrize(
    "url, words",
    [
        ("sqlite:///x", "The target is a PostgreSQL"),
        ("nonsense", "This address cannot be read"),
        ("postgresql://someone:secret@127.0.0.1:9/x", "The target cannot be used"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(
    installation: Installation, url: str, words: str
) -> None:
    refused = installation.tried("move_database", url)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "secret" not in refused.stderr
    assert "Traceback" not in refused.stderr

"""The database of the first release becomes today's, with all that was in it, on both databases.

``tests/fixtures/first_release.sql`` is what that release itself made.
"""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.management.installation import Installation
from tests.stack import ROOT

SQL = (ROOT / "tests" / "fixtures" / "first_release.sql").read_text()
LEAVES = {
    "assistants": "0005_leftovers_by_store",
    "auth": "0012_alter_user_first_name_max_length",
    "contenttypes": "0002_remove_content_type_name",
}

NOT_ROWS = {"django_migrations", "sqlite_sequence"}

READ = r"""
import json, sqlite3
from io import StringIO
from django.core.management import call_command
from datetime import UTC, datetime
from django.db import connection, models, transaction
from playground.rows import tables
old = sqlite3.connect(OLD)
old.row_factory = sqlite3.Row
names = {name for (name,) in old.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
def value(field, raw):
    if raw is None:
        return None
    if isinstance(field, models.JSONField):
        return json.loads(raw)
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat(raw).replace(tzinfo=UTC)
    return bool(raw) if isinstance(field, models.BooleanField) else raw
def rows(table):
    return old.execute(f"SELECT * FROM {table._meta.db_table}")
"""

FILL = (
    READ
    + r"""
from django.core.management.color import no_style
for app, name in LEAVES.items():
    call_command("migrate", app, name, verbosity=0)
from django.db.migrations.executor import MigrationExecutor
apps = MigrationExecutor(connection).loader.project_state(list(LEAVES.items())).apps
found = [table for table in tables(apps) if table._meta.db_table in names]
with transaction.atomic(), connection.cursor() as cursor:
    for table in reversed(found):
        table._base_manager.all().delete()
    for table in found:
        fields = table._meta.concrete_fields
        for row in rows(table):
            made = table(**{f.attname: value(f, row[f.column]) for f in fields})
            table._base_manager.bulk_create([made])
    for sql in connection.ops.sequence_reset_sql(no_style(), found):
        cursor.execute(sql)
"""
)

COMPARE = (
    READ
    + r"""
call_command("migrate", verbosity=0)
call_command("migrate", check_unapplied=True, verbosity=0)
told = {"same": 0, "changed": set(), "gone": set()}
seen = set()
for table in tables():
    name = table._meta.db_table
    if name not in names:
        continue
    seen.add(name)
    now = {row.pk: row for row in table._base_manager.all()}
    fields = {field.column: field for field in table._meta.concrete_fields}
    for row in rows(table):
        here = now.get(row[table._meta.pk.column])
        for column in row.keys():
            if column not in fields or here is None:
                told["gone"].add(f"{name}.{column}")
            elif value(fields[column], row[column]) == getattr(here, fields[column].attname):
                told["same"] += 1
            else:
                told["changed"].add(f"{name}.{column}")
print(json.dumps({**told, "changed": sorted(told["changed"]), "gone": sorted(told["gone"]),
                  "tables": sorted(names - seen)}))
"""
)

USE = r"""
call_command("reindex", stdout=StringIO())
from django.contrib.auth.models import User
from assistants.models import *
from assistants.operations import search
from tests.factories import *
user = User.objects.get()
member = Membership.objects.get(user=user)
(thread,) = Thread.objects.filter(messages__content__icontains="flour")
(assistant,) = Assistant.objects.all()
store = VectorStore.objects.oldest_first().first()
print(user.check_password("of the first release"), member.role)
print(ApiKey.objects.of_secret(KEY).name)
print([message.content[0]["text"]["value"] for message in thread.messages.oldest_first()])
properties = assistant.tools[1]["function"]["parameters"]["properties"]
print(assistant.name, assistant.temperature, list(properties))
print([hit.text for hit in search.search(member.project, [store.id], ["salt"])])
make_run(make_thread(member.project, "goes on"), assistant)
"""


@pytest.fixture
def old(tmp_path: Path, redis_url: str) -> Installation:
    """What the first release has left."""
    folder = tmp_path / "data"
    for name in ("files", "tmp", "run"):
        (folder / name).mkdir(parents=True)
    with closing(sqlite3.connect(folder / "database.sqlite3")) as database:
        database.executescript(SQL)
    with closing(sqlite3.connect(tmp_path / "old.sqlite3")) as database:
        database.executescript(SQL)
    return Installation(folder, redis_url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_is_brought_up_to_date_with_everything_that_was_in_it(
    old: Installation, target: str, tmp_path: Path, kind: str
) -> None:
    there = {"DATABASE_URL": target} if kind == "postgresql" else {}
    key = re.search(r"API key is (\S+);", SQL)
    assert key
    code = f"OLD, LEAVES, KEY = {str(tmp_path / 'old.sqlite3')!r}, {LEAVES!r}, {key[1]!r}\n"
    code += (FILL if kind == "postgresql" else "") + COMPARE + USE

    compared, *used = old.run(code, **there).splitlines()

    found = json.loads(compared)
    assert found["same"] > 500
    assert found["changed"] == []
    assert found["gone"] == []
    # Who is a member stands in memberships now, and sessions in another table: all sign in again.
    assert set(found["tables"]) == {"assistants_project_members", "django_session", *NOT_ROWS}
    # The first release had PostgreSQL sort the keys of JSON: what was lost then stays lost.
    keys = "['b', 'ah', 'zebra']" if kind == "postgresql" else "['zebra', 'b', 'ah']"
    assert used == [
        "True owner",
        "notebook",
        "['How much flour?', 'And salt?', '500 g.']",
        f"Bäcker 0.30000000000000004 {keys}",
        "['bread and salt']",
    ]

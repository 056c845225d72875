"""JSON keeps the order of its keys on PostgreSQL too, and its letters are no escapes anywhere."""

import json

from django.db import migrations

from assistants.models.ordered_json import OrderedJSON
from assistants.text import storable_json

FIELDS = [
    ("assistant", "tools", OrderedJSON(default=list)),
    ("assistant", "tool_resources", OrderedJSON(default=dict)),
    ("assistant", "metadata", OrderedJSON(default=dict)),
    ("assistant", "response_format", OrderedJSON()),
    ("vectorstorefile", "last_error", OrderedJSON(null=True)),
    ("vectorstorefile", "attributes", OrderedJSON(default=dict)),
    ("vectorstore", "metadata", OrderedJSON(default=dict)),
    ("modelprovider", "known_models", OrderedJSON(default=list)),
    ("thread", "metadata", OrderedJSON(default=dict)),
    ("thread", "tool_resources", OrderedJSON(default=dict)),
    ("message", "content", OrderedJSON(default=list)),
    ("message", "attachments", OrderedJSON(default=list)),
    ("message", "metadata", OrderedJSON(default=dict)),
    ("run", "required_action", OrderedJSON(null=True)),
    ("run", "last_error", OrderedJSON(null=True)),
    ("run", "incomplete_details", OrderedJSON(null=True)),
    ("run", "tools", OrderedJSON(default=list)),
    ("run", "tool_resources", OrderedJSON(default=dict)),
    ("run", "metadata", OrderedJSON(default=dict)),
    ("run", "usage", OrderedJSON(null=True)),
    ("run", "truncation_strategy", OrderedJSON(default=dict)),
    ("run", "response_format", OrderedJSON()),
    ("run", "tool_choice", OrderedJSON()),
    ("run", "overrides", OrderedJSON(default=dict)),
    ("runstep", "step_details", OrderedJSON(default=dict)),
    ("runstep", "last_error", OrderedJSON(null=True)),
    ("runstep", "metadata", OrderedJSON(default=dict)),
    ("runstep", "usage", OrderedJSON(null=True)),
    ("runstep", "saved_files", OrderedJSON(default=dict)),
    ("runstep", "searches", OrderedJSON(default=dict)),
]
MESSAGES = 500
"""So many are written anew at once."""


def keep_text(apps, schema_editor):
    _retype(apps, schema_editor, "json")
    if schema_editor.connection.vendor == "sqlite":
        _unescape(schema_editor.connection)


def sort_keys(apps, schema_editor):
    _retype(apps, schema_editor, "jsonb")


def _retype(apps, schema_editor, kind):
    """On PostgreSQL each table is written anew once, however many columns it has."""
    if schema_editor.connection.vendor != "postgresql":
        return
    changes = {}
    for model, name, _ in FIELDS:
        meta = apps.get_model("assistants", model)._meta
        column = schema_editor.quote_name(meta.get_field(name).column)
        change = f"ALTER COLUMN {column} TYPE {kind} USING {column}::{kind}"
        changes.setdefault(schema_editor.quote_name(meta.db_table), []).append(change)
    for table, of_columns in changes.items():
        schema_editor.execute(f"ALTER TABLE {table} {', '.join(of_columns)}")


def _unescape(connection):
    """Threads are searched in the JSON of what was said, so there letters are no escapes."""
    find = (
        "SELECT id, content FROM assistants_message WHERE id > %s AND content LIKE %s ORDER BY id"
    )
    write = "UPDATE assistants_message SET content = %s WHERE id = %s"
    after = ""
    with connection.cursor() as cursor:
        while rows := cursor.execute(f"{find} LIMIT {MESSAGES}", [after, r"%\u%"]).fetchall():
            cursor.executemany(write, [(_written(content), number) for number, content in rows])
            after = rows[-1][0]


def _written(content):
    return storable_json(json.dumps(json.loads(content), ensure_ascii=False))


class Migration(migrations.Migration):
    dependencies = [("assistants", "0010_run_overrides")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField(*field) for field in FIELDS],
            database_operations=[migrations.RunPython(keep_text, sort_keys)],
        )
    ]

"""The rows of all tables, for what copies them: read, counted, summed, written."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Final

from django.apps.registry import Apps
from django.apps.registry import apps as installed
from django.db import models
from django.db.models import Model

from assistants.text import storable, storable_json

ROWS: Final = 200
"""So many are read and written at once."""
MADE_BY_DJANGO: Final = {"django_content_type", "auth_permission"}
"""Tables that are filled as soon as they are made."""
NOT_KEPT: Final = {"assistants_logintoken"}
"""A link that has been used would be good again where its row came back."""

Table = type[Model]


def tables(apps: Apps = installed) -> list[Table]:
    """Everything that is copied, what others name before those."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in NOT_KEPT
    ]


def rows(table: Table, database: str = "default") -> Iterator[Model]:
    return table._base_manager.using(database).order_by("pk").iterator(chunk_size=ROWS)


def checksum(found: Iterable[Model]) -> tuple[int, int]:
    """Number and checksum of rows. It depends neither on their order, since text is sorted in
    another way in other databases, nor on that of the columns, which migrations know otherwise.
    """
    number = total = 0
    for row in found:
        columns = sorted(row._meta.concrete_fields, key=lambda field: str(field.column))
        values = [_plain(getattr(row, field.attname)) for field in columns]
        digest = hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
        number, total = number + 1, (total + int.from_bytes(digest)) % 2**128
    return number, total


def _plain(value: Any) -> Any:
    """The value as all databases give it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return bytes(value) if isinstance(value, memoryview) else value


def to_json(row: Model) -> dict[str, Any]:
    """The columns of a row, as JSON knows them."""
    return {
        str(field.column): _written(_plain(getattr(row, field.attname)))
        for field in row._meta.concrete_fields
    }


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else value


def from_json(table: Table, told: dict[str, Any]) -> Model:
    """The row, not written yet.

    :raises LookupError: a column is missing
    :raises ValueError: a value is none of its column
    """
    values = {}
    for field in table._meta.concrete_fields:
        value = told[str(field.column)]
        if isinstance(field, models.BinaryField) and value is not None:
            value = base64.b64decode(value, validate=True)
        elif isinstance(field, models.DateField) and value is not None:
            value = field.to_python(value)  # of a time too
        values[field.attname] = value
    return table(**values)


def mend(row: Model) -> bool:
    """Leave out the characters that PostgreSQL does not hold; whether there were any."""
    mended = False
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        kept = value
        if isinstance(value, str):
            kept = storable(value)
        if isinstance(value, dict | list):
            written = json.dumps(value, ensure_ascii=False)
            clean = storable_json(written)
            kept = value if clean == written else json.loads(clean)
        if kept != value:
            setattr(row, field.attname, kept)
            mended = True
    return mended


@contextmanager
def times_kept(found: Iterable[Table]) -> Iterator[None]:
    """Have no column filled with the present time because its row is written."""
    stamped = [
        (field, name)
        for table in found
        for field in table._meta.concrete_fields
        for name in ("auto_now", "auto_now_add")
        if getattr(field, name, False)
    ]
    for field, name in stamped:
        setattr(field, name, False)
    try:
        yield
    finally:
        for field, name in stamped:
            setattr(field, name, True)

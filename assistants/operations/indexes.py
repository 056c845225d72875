"""Which indexes there are: in the PostgreSQL that DATABASE_URL names, or else in files."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from assistants.retrieval.index import KeywordIndex
from assistants.retrieval.kinds import Vectors, Words

if TYPE_CHECKING:
    from assistants.retrieval.postgres.tables import Cursor
    from assistants.retrieval.postgres.vectors import VectorTables


def keyword_index() -> Words:
    """This process's index. Any process may write to it, with tables on any host."""
    return _tables() if connection.vendor == "postgresql" else _files(settings.INDEX_ROOT)


def vector_index() -> Vectors:
    """This process's vectors. Any process may write to them, with tables on any host."""
    if connection.vendor == "postgresql":
        return _vector_tables()
    return _vector_files(settings.INDEX_ROOT / "vectors")


def has_vectors() -> bool:
    """Whether any store may have vectors, of whatever model."""
    if connection.vendor == "postgresql":
        return _vector_tables().exist()
    return (settings.INDEX_ROOT / "vectors").exists()


# Imported where they are needed: numpy takes 20 MB, and with files and without an embedding model
# nobody needs it.


@cache
def _files(root: Path) -> Words:
    return KeywordIndex(root)


@cache
def _vector_files(root: Path) -> Vectors:
    from assistants.retrieval.vectors import VectorIndex

    return VectorIndex(root)


@cache
def _tables() -> Words:
    from assistants.retrieval.postgres.words import KeywordTables

    return KeywordTables(_cursor)


@cache
def _vector_tables() -> "VectorTables":
    from assistants.retrieval.postgres.vectors import VectorTables

    return VectorTables(_cursor)


@contextmanager
def _cursor() -> "Iterator[Cursor]":
    """On this thread's connection, in a transaction of its own or a savepoint of the caller's. Its
    errors are Django's, as those of all other queries.
    """
    # Django's own cursors put values into the query, and give text.
    from psycopg import Cursor
    from psycopg.pq import Format

    with transaction.atomic(), connection.wrap_database_errors:
        cursor = Cursor(connection.connection)
        cursor.format = Format.BINARY
        with cursor:
            yield cursor

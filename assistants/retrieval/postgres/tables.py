"""The tables of the indexes. They are derived from the chunks, and no model knows them.

A connection is had from a ``Connect``: a cursor of psycopg, with binary results, in a transaction
that is committed when the context ends well. So this needs no pool and no settings of its own.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg

Cursor = psycopg.Cursor[tuple[Any, ...]]
Connect = Callable[[], AbstractContextManager[Cursor]]

WORDS = (
    """
    CREATE TABLE IF NOT EXISTS search_stores (
        number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        store text COLLATE "C" NOT NULL UNIQUE,
        places integer NOT NULL DEFAULT 0,
        chunks integer NOT NULL DEFAULT 0,
        words bigint NOT NULL DEFAULT 0,
        rest bigint NOT NULL DEFAULT 0,
        languages text[] NOT NULL DEFAULT '{}'
    )
    """,
    """
    COMMENT ON TABLE search_stores IS
        'The keyword indexes: places given so far, chunks that can be found, words of all places'
    """,
    """
    CREATE TABLE IF NOT EXISTS search_chunks (
        store integer NOT NULL,
        place integer NOT NULL,
        chunk bigint NOT NULL,
        file bigint NOT NULL,
        PRIMARY KEY (store, place)
    )
    """,
    "CREATE INDEX IF NOT EXISTS search_chunks_of_files ON search_chunks (store, file)",
    """
    COMMENT ON TABLE search_chunks IS
        'What can be found at which place. A chunk that is added again gets another place'
    """,
    """
    CREATE TABLE IF NOT EXISTS search_parts (
        part integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        store integer NOT NULL,
        places integer NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS search_parts_of_stores ON search_parts (store)",
    """
    CREATE TABLE IF NOT EXISTS search_postings (
        part integer NOT NULL,
        word text COLLATE "C" NOT NULL,
        postings bytea NOT NULL,
        PRIMARY KEY (part, word)
    )
    """,
    "ALTER TABLE search_postings ALTER COLUMN postings SET STORAGE EXTERNAL",
    """
    COMMENT ON TABLE search_postings IS
        'Where a word is, as assistants.retrieval.postgres.postings writes it'
    """,
)

VECTORS = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    """
    CREATE TABLE IF NOT EXISTS search_vector_stores (
        number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        store text COLLATE "C" NOT NULL UNIQUE,
        model text NOT NULL,
        dimensions integer NOT NULL DEFAULT 0,
        vectors integer NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS search_signs (
        store integer NOT NULL,
        chunk bigint NOT NULL,
        file bigint NOT NULL,
        signs bit varying NOT NULL,
        PRIMARY KEY (store, chunk)
    )
    """,
    "CREATE INDEX IF NOT EXISTS search_signs_of_files ON search_signs (store, file)",
    """
    CREATE TABLE IF NOT EXISTS search_vectors (
        store integer NOT NULL,
        chunk bigint NOT NULL,
        numbers halfvec NOT NULL,
        PRIMARY KEY (store, chunk)
    )
    """,
)


def make_words(cursor: Cursor) -> None:
    """Make the tables of the keyword index, where they are not there."""
    for statement in WORDS:
        cursor.execute(statement)


def make_vectors(cursor: Cursor) -> None:
    """Make the tables of the vectors, where they are not there.

    :raises psycopg.Error: the server has no pgvector, or this user may not use it
    """
    for statement in VECTORS:
        cursor.execute(statement)

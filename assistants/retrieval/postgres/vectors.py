"""Finding passages by what they mean in tables, with pgvector.

Among many vectors the signs of their numbers choose some, which then are compared, as in files.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

import numpy as np

from assistants.retrieval.postgres.tables import Connect, Cursor, make_vectors
from assistants.retrieval.stores import checked
from assistants.retrieval.vectors import CHOSEN, Near, OtherLength, Vector, logger

EXACT = 20_000_000
"""Among so many numbers, which are 50,000 vectors of a small model, all are compared: choosing by
their signs would take as long.
"""
READ = "SELECT number, model, dimensions, vectors FROM search_vector_stores WHERE store = %s"
LOCK = (
    "SELECT number, model, dimensions, vectors FROM search_vector_stores WHERE store = %s"
    " FOR UPDATE"
)
NEAREST = """
WITH chosen AS MATERIALIZED (
    SELECT chunk, file FROM search_signs
    WHERE store = %(store)s AND (%(files)s::bigint[] IS NULL OR file = ANY(%(files)s))
    ORDER BY bit_count(signs # binary_quantize(%(unit)s::halfvec)) LIMIT %(chosen)s
), nearest AS (
    SELECT chunk, file, -(numbers <#> %(unit)s::halfvec) AS cosine
    FROM chosen JOIN search_vectors USING (chunk) WHERE store = %(store)s
    ORDER BY cosine DESC LIMIT %(depth)s
)
SELECT chunk, file, cosine FROM nearest
UNION
SELECT chunk, file, -(numbers <#> %(unit)s::halfvec)
FROM search_signs JOIN search_vectors USING (store, chunk)
WHERE store = %(store)s AND (%(files)s::bigint[] IS NULL OR file = ANY(%(files)s))
    AND chunk = ANY(%(also)s)
"""
"""The ``chosen`` by their signs, or all, then the nearest of these, and those that are wanted
beside."""


@dataclass(slots=True)
class _Store:
    """A row of ``search_vector_stores``."""

    number: int
    model: str
    dimensions: int
    vectors: int


class VectorTables:
    """The vectors of all stores, with the methods of ``VectorIndex``.

    Who writes locks the store's row; readers never wait. Where the tables are not there, since no
    model was ever set or the server has no pgvector, there are no vectors.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def add(self, store: str, model: str, vectors: Sequence[Vector]) -> None:
        """Add vectors; of chunks that have one already nothing is changed.

        :raises OtherLength: they have not as many numbers as those that the store has of the model
        """
        with self._connect() as cursor:
            if not _are_there(cursor):
                make_vectors(cursor)
            row = _locked(cursor, checked(store), model)
            chunks = [one.chunk for one in vectors]
            there = {chunk for chunk, _ in _of_chunks(cursor, row, chunks)}
            new = {one.chunk: one for one in vectors if one.chunk not in there}
            for one in new.values():
                width = len(one.numbers)
                row.dimensions = row.dimensions or width
                if width != row.dimensions:
                    told = f"{model} gives {width} numbers, and has given {row.dimensions}"
                    raise OtherLength(told)
            _write(cursor, row, list(new.values()))

    def remove(self, store: str, files: Collection[int]) -> None:
        """Remove the vectors of these files."""
        with self._connect() as cursor:
            if not files or not (row := _read(cursor, checked(store), LOCK)):
                return
            cursor.execute(
                "WITH gone AS (DELETE FROM search_signs WHERE store = %s AND file = ANY(%s)"
                " RETURNING chunk) DELETE FROM search_vectors"
                " WHERE store = %s AND chunk IN (SELECT chunk FROM gone)",
                [row.number, list(files), row.number],
            )
            row.vectors -= cursor.rowcount
            _save(cursor, row)

    def drop(self, store: str) -> None:
        """Remove all vectors of a store."""
        with self._connect() as cursor:
            if row := _read(cursor, checked(store), LOCK):
                _delete(cursor, row)

    def clean_up(self) -> None:
        """Make the tables, where they are not there.

        :raises psycopg.Error: the server has no pgvector, or this user may not use it
        """
        with self._connect() as cursor:
            make_vectors(cursor)

    def exist(self) -> bool:
        """Whether any store may have vectors, of whatever model."""
        with self._connect() as cursor:
            return _are_there(cursor)

    def count(self, store: str, model: str) -> int:
        """How many vectors of the model can be found."""
        with self._connect() as cursor:
            row = _of_model(cursor, store, model)
        return row.vectors if row else 0

    def holds(self, store: str, model: str) -> bool:
        """Whether there are any."""
        return self.count(store, model) > 0

    def files(self, store: str, model: str) -> set[int]:
        """The files that have vectors of the model."""
        with self._connect() as cursor:
            if not (row := _of_model(cursor, store, model)):
                return set()
            cursor.execute("SELECT DISTINCT file FROM search_signs WHERE store = %s", [row.number])
            return {file for (file,) in cursor.fetchall()}

    def chunks(self, store: str, model: str, files: Collection[int]) -> set[int]:
        """The chunks of these files that have a vector of the model.

        Who is to make the others asks first, so the tables are made if need be: without pgvector
        this fails before anything was paid for.

        :raises psycopg.Error: the server has no pgvector, or this user may not use it
        """
        with self._connect() as cursor:
            if not _are_there(cursor):
                make_vectors(cursor)
            if not (row := _of_model(cursor, store, model)):
                return set()
            cursor.execute(
                "SELECT chunk FROM search_signs WHERE store = %s AND file = ANY(%s)",
                [row.number, list(files)],
            )
            return {chunk for (chunk,) in cursor.fetchall()}

    def search(
        self,
        stores: Sequence[str],
        model: str,
        query: Sequence[float],
        depth: int,
        files: Collection[int] | None = None,
        also: Collection[int] = (),
    ) -> list[Near]:
        """In each store the ``depth`` chunks that are nearest to a vector, and those chunks of
        ``also`` that have one, in no order. Only chunks of ``files`` when these are given.
        """
        found: list[Near] = []
        with self._connect() as cursor:
            for store in dict.fromkeys(stores):
                row = _of_model(cursor, store, model)
                if row is None or not row.vectors:
                    continue
                if row.dimensions != len(query):
                    told = "%s has vectors of %s numbers, and %s asks with %s"
                    logger.warning(told, store, row.dimensions, model, len(query))
                    continue
                found += _find(cursor, row, np.array(query, np.float32), depth, files, also)
        return found


def _are_there(cursor: Cursor) -> bool:
    cursor.execute("SELECT to_regclass('search_vectors') IS NOT NULL")
    return cursor.fetchone() == (True,)


def _read(cursor: Cursor, store: str, how: LiteralString = READ) -> _Store | None:
    if not _are_there(cursor):
        return None
    cursor.execute(how, [store])
    row = cursor.fetchone()
    return _Store(*row) if row else None


def _of_model(cursor: Cursor, store: str, model: str) -> _Store | None:
    row = _read(cursor, checked(store))
    return row if row and row.model == model else None


def _locked(cursor: Cursor, store: str, model: str) -> _Store:
    """The store's row for this model; vectors of another one go."""
    while True:
        cursor.execute(
            "INSERT INTO search_vector_stores (store, model) VALUES (%s, %s)"
            " ON CONFLICT DO NOTHING",
            [store, model],
        )
        if row := _read(cursor, store, LOCK):
            if row.model == model:
                return row
            _delete(cursor, row)


def _delete(cursor: Cursor, row: _Store) -> None:
    cursor.execute("DELETE FROM search_signs WHERE store = %s", [row.number])
    cursor.execute("DELETE FROM search_vectors WHERE store = %s", [row.number])
    cursor.execute("DELETE FROM search_vector_stores WHERE number = %s", [row.number])


def _save(cursor: Cursor, row: _Store) -> None:
    cursor.execute(
        "UPDATE search_vector_stores SET dimensions = %s, vectors = %s WHERE number = %s",
        [row.dimensions, row.vectors, row.number],
    )


def _write(cursor: Cursor, row: _Store, new: Sequence[Vector]) -> None:
    if not new:
        return
    numbers = [np.asarray(one.numbers, np.float32) for one in new]
    units = [_text(one / np.linalg.norm(one)) for one in numbers]
    chunks = [one.chunk for one in new]
    cursor.execute(
        "INSERT INTO search_vectors (store, chunk, numbers)"
        " SELECT %s, chunk, numbers::halfvec FROM unnest(%s::bigint[], %s::text[])"
        " AS new (chunk, numbers)",
        [row.number, chunks, units],
    )
    cursor.execute(
        "INSERT INTO search_signs (store, chunk, file, signs)"
        " SELECT %s, chunk, file, binary_quantize(numbers::halfvec)"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new (chunk, file, numbers)",
        [row.number, chunks, [one.file for one in new], units],
    )
    row.vectors += len(new)
    _save(cursor, row)


def _find(
    cursor: Cursor,
    row: _Store,
    query: "np.ndarray[tuple[int], np.dtype[np.float32]]",
    depth: int,
    files: Collection[int] | None,
    also: Collection[int],
) -> list[Near]:
    given = {
        "store": row.number,
        "files": None if files is None else list(files),
        "unit": _text(query / np.linalg.norm(query)),
        "depth": depth,
        "also": list(also),
        "chosen": max(CHOSEN, 10 * depth) if row.vectors * row.dimensions > EXACT else None,
    }
    cursor.execute(NEAREST, given)
    return [Near(chunk, file, float(cosine)) for chunk, file, cosine in cursor.fetchall()]


def _of_chunks(cursor: Cursor, row: _Store, chunks: Sequence[int]) -> list[tuple[int, int]]:
    cursor.execute(
        "SELECT chunk, file FROM search_signs WHERE store = %s AND chunk = ANY(%s)",
        [row.number, list(chunks)],
    )
    return [(chunk, file) for chunk, file in cursor.fetchall()]


def _text(numbers: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    return "[" + ",".join(map(repr, numbers.tolist())) + "]"

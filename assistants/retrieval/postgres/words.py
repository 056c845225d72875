"""Finding passages by their words in tables: BM25 with scores that mean the same as in files."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

import numpy as np

from assistants.retrieval import segments
from assistants.retrieval.index import FAINT, MAX_QUERY_WORDS, Entry, Hit, calibrated, together
from assistants.retrieval.postgres import postings
from assistants.retrieval.postgres.postings import Array, Part
from assistants.retrieval.postgres.tables import Connect, Cursor, make_words
from assistants.retrieval.stores import checked

MERGED = 8
"""So many parts of about the same size become one: each word of a query is looked up in each."""
LARGEST_PART = 8**5
"""Places of a part that stays as it is: to write it again would take long."""
COMPACTED_FROM = 1000
"""Places that were removed stay in the postings until they are so many, and half of all."""
PART_POSTINGS = 2_000_000
"""So many are collected in memory before they are written, some 200 MB."""

READ = "SELECT number, places, chunks, words, rest, languages FROM search_stores WHERE store = %s"
LOCK = (
    "SELECT number, places, chunks, words, rest, languages FROM search_stores WHERE store = %s"
    " FOR UPDATE"
)


@dataclass(slots=True)
class _Store:
    """A row of ``search_stores``."""

    number: int
    places: int
    chunks: int
    words: int
    rest: int
    languages: frozenset[str]

    @property
    def usual(self) -> dict[str, float]:
        """How many words a place has on average, by field."""
        places = max(self.places, 1)
        return {"words": self.words / places, "rest": self.rest / places}


class KeywordTables:
    """The indexes of all stores, with the methods of ``KeywordIndex``.

    Who writes locks the store's row, so that one writes at a time, on whichever host; readers never
    wait, and see all of a change or nothing. Writes are kept when the caller's transaction is.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def add(self, store: str, entries: Iterable[Entry]) -> None:
        """Add chunks; they replace all that the store had of the same files."""
        new = list(entries)
        if not new:
            return
        with self._connect() as cursor:
            row = _locked(cursor, checked(store))
            _forget(cursor, row, {entry.file for entry in new})
            _fill(cursor, row, new)
            _merge(cursor, row)
            _compact(cursor, row)

    def remove(self, store: str, files: Iterable[int]) -> None:
        """Remove all chunks of these files."""
        gone = set(files)
        with self._connect() as cursor:
            if gone and _read(cursor, checked(store)):
                row = _locked(cursor, store)
                _forget(cursor, row, gone)
                _save(cursor, row)
                _compact(cursor, row)

    def drop(self, store: str) -> None:
        """Remove the whole index of a store."""
        with self._connect() as cursor:
            if _read(cursor, checked(store)):
                _delete(cursor, _locked(cursor, store))

    def rebuild(self, store: str, entries: Iterable[Entry]) -> int:
        """Put an index of these chunks in the place of what there is; how many there are.

        They are iterated over while nobody else writes, and the old index is found in until the new
        one is done. Where there are none no index stays.
        """
        with self._connect() as cursor:
            _delete(cursor, _locked(cursor, checked(store)))
            # Another number, so that who searches meanwhile sees that it is another index.
            row = _locked(cursor, store)
            _fill(cursor, row, entries)
            if not row.chunks:
                _delete(cursor, row)
        return row.chunks

    def clean_up(self) -> None:
        """Make the tables, if somebody has removed them."""
        with self._connect() as cursor:
            make_words(cursor)

    def count(self, store: str) -> int:
        """How many chunks can be found; 0 where there is no index."""
        with self._connect() as cursor:
            row = _read(cursor, checked(store))
        return row.chunks if row else 0

    def search(
        self,
        stores: Sequence[str],
        queries: Sequence[str],
        limit: int,
        files: Collection[int] | None = None,
    ) -> list[Hit]:
        """The best ``limit`` chunks for one or more queries, the best first.

        Only chunks of ``files`` when these are given. A store without an index has no hits.
        """
        if limit < 1 or (files is not None and not files):
            return []
        depth = limit if len(queries) == 1 else max(2 * limit, 50)
        found: dict[tuple[int, int], list[float]] = {}
        with self._connect() as cursor:
            for store in dict.fromkeys(stores):
                for chunk, file, score in _search(cursor, checked(store), queries, depth, files):
                    found.setdefault((chunk, file), []).append(score)
        hits = [
            Hit(chunk, file, together(scores, len(queries)))
            for (chunk, file), scores in found.items()
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.chunk))
        return hits[:limit]


def _read(cursor: Cursor, store: str, how: LiteralString = READ) -> _Store | None:
    cursor.execute(how, [store])
    row = cursor.fetchone()
    if row is None:
        return None
    number, places, chunks, words, rest, languages = row
    return _Store(number, places, chunks, words, rest, frozenset(languages))


def _locked(cursor: Cursor, store: str) -> _Store:
    """The store's row, made if it is not there. Until the transaction ends nobody else writes."""
    while True:
        cursor.execute(
            "INSERT INTO search_stores (store) VALUES (%s) ON CONFLICT DO NOTHING", [store]
        )
        # Who held it before may have removed it: then it is made again.
        if row := _read(cursor, store, LOCK):
            return row


def _save(cursor: Cursor, row: _Store) -> None:
    cursor.execute(
        "UPDATE search_stores SET places = %s, chunks = %s, words = %s, rest = %s, languages = %s"
        " WHERE number = %s",
        [row.places, row.chunks, row.words, row.rest, sorted(row.languages), row.number],
    )


def _forget(cursor: Cursor, row: _Store, files: Collection[int]) -> None:
    """Have nothing of these files found. Their postings stay, and lead nowhere."""
    cursor.execute(
        "DELETE FROM search_chunks WHERE store = %s AND file = ANY(%s)", [row.number, list(files)]
    )
    row.chunks -= cursor.rowcount


def _delete(cursor: Cursor, row: _Store) -> None:
    cursor.execute(
        "WITH gone AS (DELETE FROM search_parts WHERE store = %s RETURNING part)"
        " DELETE FROM search_postings WHERE part IN (SELECT part FROM gone)",
        [row.number],
    )
    cursor.execute("DELETE FROM search_chunks WHERE store = %s", [row.number])
    cursor.execute("DELETE FROM search_stores WHERE number = %s", [row.number])


def _fill(cursor: Cursor, row: _Store, entries: Iterable[Entry]) -> None:
    """Write chunks after those that are there."""
    part, chunks = Part(), []
    for entry in entries:
        segmented = segments.document(entry.text)
        part.add(row.places, segmented)
        chunks.append((row.number, row.places, entry.chunk, entry.file))
        row.places += 1
        row.chunks += 1
        row.words += len(segmented.words)
        row.rest += len(segmented.rest)
        row.languages |= {segmented.language}
        if part.size >= PART_POSTINGS:
            _write(cursor, row, part, chunks)
            part, chunks = Part(), []
    if chunks:
        _write(cursor, row, part, chunks)
    _save(cursor, row)


def _write(
    cursor: Cursor, row: _Store, part: Part, chunks: Sequence[tuple[int, int, int, int]]
) -> None:
    _write_postings(cursor, _new_part(cursor, row, len(chunks)), part.rows())
    with cursor.copy("COPY search_chunks (store, place, chunk, file) FROM STDIN BINARY") as copy:
        copy.set_types(["int4", "int4", "int8", "int8"])
        for chunk in chunks:
            copy.write_row(chunk)


def _write_postings(cursor: Cursor, part: int, rows: Iterable[tuple[str, bytes]]) -> None:
    with cursor.copy("COPY search_postings (part, word, postings) FROM STDIN BINARY") as copy:
        copy.set_types(["int4", "text", "bytea"])
        for word, found in rows:
            copy.write_row((part, word, found))


def _new_part(cursor: Cursor, row: _Store, places: int) -> int:
    cursor.execute(
        "INSERT INTO search_parts (store, places) VALUES (%s, %s) RETURNING part",
        [row.number, places],
    )
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def _merge(cursor: Cursor, row: _Store) -> None:
    """Put parts of about the same size together, when they are many."""
    while True:
        cursor.execute(
            "SELECT part, places FROM search_parts WHERE store = %s AND places < %s",
            [row.number, LARGEST_PART],
        )
        levels: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for part, places in cursor.fetchall():
            levels[int(math.log(places, MERGED))].append((part, places))
        many = next((parts for parts in levels.values() if len(parts) >= MERGED), None)
        if many is None:
            return
        old = [part for part, _ in many]
        number = _new_part(cursor, row, sum(places for _, places in many))
        cursor.execute(
            "INSERT INTO search_postings SELECT %s, word, string_agg(postings, ''::bytea)"
            " FROM search_postings WHERE part = ANY(%s) GROUP BY word",
            [number, old],
        )
        _remove_parts(cursor, old)


def _remove_parts(cursor: Cursor, parts: list[int]) -> None:
    cursor.execute("DELETE FROM search_postings WHERE part = ANY(%s)", [parts])
    cursor.execute("DELETE FROM search_parts WHERE part = ANY(%s)", [parts])


def _compact(cursor: Cursor, row: _Store) -> None:
    """Write the postings anew without those of places that were removed, when they are many."""
    cursor.execute("SELECT part, places FROM search_parts WHERE store = %s", [row.number])
    parts = cursor.fetchall()
    removed = sum(places for _, places in parts) - row.chunks
    if removed < COMPACTED_FROM or removed < row.chunks:
        return
    alive = _places_of(cursor, row, None)
    for part, _ in parts:
        cursor.execute("SELECT word, postings FROM search_postings WHERE part = %s", [part])
        kept = [(word, postings.among(found, alive)) for word, found in cursor.fetchall()]
        _remove_parts(cursor, [part])
        if places := postings.places_of(found for _, found in kept):
            number = _new_part(cursor, row, places)
            _write_postings(cursor, number, ((word, found) for word, found in kept if found))


def _places_of(cursor: Cursor, row: _Store, files: Collection[int] | None) -> Array:
    """Of each place whether it is of one of these files, or of any, and can be found."""
    # In one value: as rows they would take some times as long.
    cursor.execute(
        "SELECT coalesce(string_agg(int4send(place), ''::bytea), ''::bytea) FROM search_chunks"
        " WHERE store = %(store)s"
        " AND (%(files)s::bigint[] IS NULL OR file = ANY(%(files)s))",
        {"store": row.number, "files": None if files is None else list(files)},
    )
    (packed,) = cursor.fetchone() or (b"",)
    among = np.frombuffer(packed, ">i4")
    flags = np.zeros(row.places, bool)
    flags[among[among < row.places]] = True  # more may have been added meanwhile
    return flags


@dataclass(frozen=True, slots=True)
class _Term:
    """A word of a query: the ways in which places may have it, what a place of usual length gets
    that has it once in each way, and what the word counts for.
    """

    ways: dict[segments.Way, float]
    weight: float


def _search(
    cursor: Cursor,
    store: str,
    queries: Sequence[str],
    depth: int,
    files: Collection[int] | None,
) -> list[tuple[int, int, float]]:
    """What each query has found in one store, one after the other."""
    while row := _read(cursor, store):
        allowed = None if files is None else _places_of(cursor, row, files)
        found = [one for query in queries for one in _find(cursor, row, query, depth, allowed)]
        cursor.execute("SELECT FROM search_stores WHERE number = %s", [row.number])
        if cursor.rowcount:
            return found
        # It was rebuilt meanwhile, and what was read may be of both.
    return []


def _find(
    cursor: Cursor, row: _Store, query: str, depth: int, allowed: Array | None
) -> Iterator[tuple[int, int, float]]:
    words = segments.query(query, row.languages)
    terms = _terms(cursor, row, words)
    if not terms:
        return
    worth = FAINT if segments.says_little(words) else 1.0
    attainable = sum(term.weight for term in terms)
    found = _postings(cursor, row, {way for term in terms for way in term.ways})
    scores = postings.scores([term.ways for term in terms], found, row.places, row.usual)
    if allowed is not None:
        scores *= allowed
    wanted = depth
    while True:
        places = _best(scores, wanted)
        chunks = _chunks_at(cursor, row, places)
        # Places that were removed are no hits: others may have to take theirs.
        if len(chunks) >= depth or len(places) < wanted:
            break
        wanted *= 4
    alive = [place for place in places if place in chunks]
    for place in alive[:depth]:
        chunk, file = chunks[place]
        yield chunk, file, worth * calibrated(float(scores[place]) / attainable)


def _terms(cursor: Cursor, row: _Store, words: Iterable[tuple[segments.Way, ...]]) -> list[_Term]:
    """The words of a query with what a passage gets that has each once and is of usual length, as
    ``assistants.retrieval.index`` weighs them.
    """
    times: dict[tuple[segments.Way, ...], int] = {}
    for ways in words:
        times[ways] = times.get(ways, 0) + 1
    keys = {postings.key(way) for ways in times for way in ways}
    cursor.execute(
        "SELECT word, sum(octet_length(postings))::bigint FROM search_parts"
        " JOIN search_postings USING (part) WHERE store = %s AND word = ANY(%s) GROUP BY word",
        [row.number, list(keys)],
    )
    having = {word: size // postings.POSTING.itemsize for word, size in cursor.fetchall()}
    everything = max(row.chunks, 1)

    def rarity(among: int) -> float:
        return math.log(1 + (max(everything, among) - among + 0.5) / (among + 0.5))

    terms = []
    for ways, count in times.items():
        known = {way: having.get(postings.key(way), 0) for way in ways}
        rarest = min(filter(None, known.values()), default=1)
        weights = {way: count * rarity(among) for way, among in known.items() if among}
        terms.append(_Term(weights, count * rarity(rarest)))
    terms.sort(key=lambda term: -term.weight)
    return terms[:MAX_QUERY_WORDS]


def _postings(cursor: Cursor, row: _Store, ways: Collection[segments.Way]) -> dict[str, bytes]:
    cursor.execute(
        "SELECT word, string_agg(postings, ''::bytea) FROM search_parts"
        " JOIN search_postings USING (part) WHERE store = %s AND word = ANY(%s) GROUP BY word",
        [row.number, [postings.key(way) for way in ways]],
    )
    return dict(cursor.fetchall())


def _best(scores: Array, wanted: int) -> list[int]:
    """The places with the highest scores, the best first; of equals the oldest."""
    among = np.flatnonzero(scores > 0)
    if len(among) > wanted:
        limit = np.partition(scores[among], len(among) - wanted)[len(among) - wanted]
        better = among[scores[among] > limit]
        equal = among[scores[among] == limit]
        among = np.concatenate([better, equal[: wanted - len(better)]])
    order = np.lexsort((among, -scores[among]))
    best: list[int] = among[order].tolist()
    return best


def _chunks_at(cursor: Cursor, row: _Store, places: list[int]) -> dict[int, tuple[int, int]]:
    """The chunk and the file at each of these places that is not removed."""
    cursor.execute(
        "SELECT place, chunk, file FROM search_chunks WHERE store = %s AND place = ANY(%s)",
        [row.number, places],
    )
    return {place: (chunk, file) for place, chunk, file in cursor.fetchall()}

"""Finding passages by their words: a BM25 index for each vector store, made by tantivy.

The database is the truth; an index is made from it and can be made again. Any process may write and
read. See docs/retrieval.md for what a score means.
"""

import contextlib
import logging
import math
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from assistants.retrieval import segments
from assistants.retrieval.stores import checked, hidden, is_id, locked

logger = logging.getLogger(__name__)

FORMAT = 2
"""Part of each directory's name; counts up when what was indexed before is no longer found."""
HEAP = 60_000_000
"""Bytes that a writer may use before it writes a part to disk; 15 MB make it three times slower."""
OPEN_INDEXES = 64
MAX_QUERY_WORDS = 64
"""Of a longer query the rarest words are looked for."""
FAINT = 0.1
"""What a query of stop words has found counts for: it need not be about the same thing at all."""
DAMAGE = re.compile(
    "Data corrupt|Schema error|FileDoesNotExist|InvalidData|UnexpectedEof|IncompatibleIndex"
)
"""What tantivy says of files that are not as it left them. All else that it says may pass: no file
could be opened, no memory was left, the disk is full.
"""


class Damaged(Exception):
    """The store's index cannot be read or added to, and has to be made anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk to be found; ids are database keys."""

    chunk: int
    file: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with a score from 0 to 1."""

    chunk: int
    file: int
    score: float


@dataclass(slots=True)
class _Change:
    """What one call wants written: files whose chunks go, documents that come."""

    files: frozenset[int]
    documents: list[tantivy.Document]
    written: bool = False
    error: BaseException | None = None


class _Writes:
    """What waits to be written to one store. Who finds nobody writing writes for all that wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._waiting: list[_Change] = []

    def write(self, change: _Change, commit: Callable[[Sequence[_Change]], None]) -> None:
        """Return when the change is written, by this thread or by another; raise what it raised."""
        changes: list[_Change] = []
        with self._changed:
            self._waiting.append(change)
            self._changed.wait_for(lambda: change.written or not self._busy)
            if not change.written:
                self._busy = True
                changes, self._waiting = self._waiting, []
        if changes:
            try:
                commit(changes)
            except BaseException as error:
                for one in changes:
                    one.error = error
            finally:
                with self._changed:
                    self._busy = False
                    for one in changes:
                        one.written = True
                    self._changed.notify_all()
        if change.error is not None:
            raise change.error

    @contextlib.contextmanager
    def nobody_else(self) -> Iterator[None]:
        """While this lasts nobody writes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class _Opened:
    """An index as it was at one commit."""

    index: tantivy.Index
    searcher: tantivy.Searcher
    stamp: tuple[int, ...]
    languages: frozenset[str]


class KeywordIndex:
    """The indexes of all stores, each in a directory of its own below ``root``.

    Safe to be called from any thread of any process: a file beside the directory is locked while
    one writes. Writes return when they are on disk; those of one process that wait for each other
    share a commit. To searches a damaged index is none, which the log tells; writes raise
    ``Damaged``, and only ``rebuild`` and ``drop`` ever remove one. ``OSError`` is what may pass.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._schema = _schema()
        self._mutex = threading.Lock()
        self._writes: dict[str, _Writes] = {}
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    def add(self, store: str, entries: Iterable[Entry]) -> None:
        """Add chunks in one commit; they replace all that the store had of the same files.

        :raises Damaged: what there is cannot be added to
        """
        files = set()
        documents = []
        for entry in entries:
            files.add(entry.file)
            documents.append(self._document(entry))
        if documents:
            self._write(store, _Change(frozenset(files), documents))

    def remove(self, store: str, files: Iterable[int]) -> None:
        """Remove all chunks of these files.

        :raises Damaged: what there is cannot be changed
        """
        if (gone := frozenset(files)) and self._directory(store).exists():
            self._write(store, _Change(gone, []))

    def drop(self, store: str) -> None:
        """Remove the whole index of a store."""
        self._directory(store)
        with self._alone(store):
            self._discard_all_of(store)
            self._lock_of(store).unlink()
        with self._mutex:
            self._opened.pop(store, None)

    def rebuild(self, store: str, entries: Iterable[Entry]) -> int:
        """Put an index of these chunks in the place of what there is; how many there are.

        They are iterated over while nobody else writes, and the old index is found in until the new
        one is done. Where there are none no index stays.
        """
        directory = self._directory(store)
        with self._alone(store):
            fresh = hidden(directory)
            fresh.mkdir()
            try:
                total = self._fill(fresh, entries)
                self._discard_all_of(store)
                if total:
                    fresh.rename(directory)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return total

    def clean_up(self) -> None:
        """Remove what processes that died had begun to build or to remove."""
        for path in list(self._root.glob(".*.*.*")):
            store = path.name[1:].partition(".")[0]
            if path.is_dir() and is_id(store):
                with self._alone(store):
                    shutil.rmtree(path, ignore_errors=True)

    def count(self, store: str) -> int:
        """How many chunks can be found; 0 where there is no index, or a damaged one."""
        opened = self._open(store)
        return opened.searcher.num_docs if opened else 0

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
        for store in dict.fromkeys(stores):
            opened = self._open(store)
            if opened is None:
                continue
            for query in queries:
                for chunk, file, score in self._find(store, opened, query, depth, files):
                    found.setdefault((chunk, file), []).append(score)
        hits = [
            Hit(chunk, file, together(scores, len(queries)))
            for (chunk, file), scores in found.items()
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.chunk))
        return hits[:limit]

    def _find(
        self, store: str, opened: _Opened, query: str, depth: int, files: Collection[int] | None
    ) -> Iterator[tuple[int, int, float]]:
        words = segments.query(query, opened.languages)
        terms = _terms(opened, words)
        if not terms:
            return
        worth = FAINT if segments.says_little(words) else 1.0
        attainable = sum(term.weight for term in terms)
        asked = Query.boolean_query([(Occur.Should, self._query(term)) for term in terms])
        if files is not None:
            among = Query.term_set_query(self._schema, "file", sorted(files))
            asked = Query.boolean_query(
                [(Occur.Must, asked), (Occur.Must, Query.const_score_query(among, 0.0))]
            )
        try:
            with _asking_tantivy():
                hits = opened.searcher.search(asked, depth, count=False).hits
                places = [place for _, place in hits]
                chunks = opened.searcher.fast_field_values("chunk", places)
                owners = opened.searcher.fast_field_values("file", places)
        except Damaged:
            logger.exception("the index of %s is damaged", store)
            return
        for (score, _), chunk, file in zip(hits, chunks, owners, strict=True):
            yield int(chunk or 0), int(file or 0), worth * calibrated(score / attainable)

    def _query(self, term: "_Term") -> Query:
        ways = [Query.term_query(self._schema, way.field, way.word, "freq") for way in term.ways]
        query = ways[0] if len(ways) == 1 else Query.disjunction_max_query(ways)
        return query if term.times == 1 else Query.boost_query(query, float(term.times))

    def _document(self, entry: Entry) -> tantivy.Document:
        segmented = segments.document(entry.text)
        return tantivy.Document.from_dict(
            {
                "chunk": entry.chunk,
                "file": entry.file,
                "words": " ".join(segmented.words),
                "rest": " ".join(segmented.rest),
                "language": segmented.language,
            },
            self._schema,
        )

    def _directory(self, store: str) -> Path:
        return self._root / f"{checked(store)}.{FORMAT}"

    def _writes_of(self, store: str) -> _Writes:
        with self._mutex:
            return self._writes.setdefault(store, _Writes())

    def _lock_of(self, store: str) -> Path:
        return self._root / f"{store}.lock"

    @contextlib.contextmanager
    def _alone(self, store: str) -> Iterator[None]:
        """While this lasts no other thread or process writes to the store."""
        with self._writes_of(store).nobody_else(), locked(self._lock_of(store)):
            yield

    def _discard_all_of(self, store: str) -> None:
        """Remove the store's index, and those of other formats."""
        for directory in self._root.glob(f"{store}.*"):
            if directory.is_dir():
                grave = hidden(directory)
                directory.rename(grave)  # at once for all who look
                shutil.rmtree(grave, ignore_errors=True)

    def _write(self, store: str, change: _Change) -> None:
        self._writes_of(store).write(change, lambda changes: self._commit(store, changes))

    def _commit(self, store: str, changes: Sequence[_Change]) -> None:
        directory = self._directory(store)
        with locked(self._lock_of(store)):
            directory.mkdir(exist_ok=True)
            if not (directory / "meta.json").exists() and any(directory.iterdir()):
                raise Damaged(f"{directory} has lost its meta.json")
            with _asking_tantivy():
                index = tantivy.Index(self._schema, str(directory))
                _searcher(index)
                writer = index.writer(HEAP, num_threads=1)
                try:
                    for change in changes:
                        gone = Query.term_set_query(self._schema, "file", sorted(change.files))
                        writer.delete_documents_by_query(gone)
                        for document in change.documents:
                            writer.add_document(document)
                    writer.commit()
                    writer.wait_merging_threads()
                finally:
                    del writer  # a traceback would keep it, and with it tantivy's own lock

    def _fill(self, directory: Path, entries: Iterable[Entry]) -> int:
        """Write a new index; how many entries it has."""
        total = 0
        with _asking_tantivy():
            index = tantivy.Index(self._schema, str(directory))
            writer = index.writer(HEAP, num_threads=1)
        try:
            for entry in entries:
                document = self._document(entry)
                with _asking_tantivy():
                    writer.add_document(document)
                total += 1
            with _asking_tantivy():
                writer.commit()
                writer.wait_merging_threads()
        finally:
            del writer
        return total

    def _open(self, store: str) -> _Opened | None:
        """The store's index as it is now; None when there is none that can be read."""
        directory = self._directory(store)
        try:
            stamp = _stamp(directory)
        except FileNotFoundError:
            return None
        with self._mutex:
            opened = self._opened.get(store)
            if opened and opened.stamp == stamp:
                self._opened.move_to_end(store)
                return opened
        try:
            with _asking_tantivy():
                index = tantivy.Index.open(str(directory))
                searcher = _searcher(index)
                languages = frozenset(
                    name for name in segments.LANGUAGES if searcher.doc_freq("language", name)
                )
        except Damaged:
            with contextlib.suppress(FileNotFoundError):
                if _stamp(directory) == stamp:
                    logger.exception("the index in %s is damaged", directory)
                    return None
            return self._open(store)  # it was replaced meanwhile
        opened = _Opened(index, searcher, stamp, languages)
        with self._mutex:
            # What other processes have dropped would keep its room on the disk.
            for other in [name for name in self._opened if not self._directory(name).exists()]:
                del self._opened[other]
            self._opened[store] = opened
            self._opened.move_to_end(store)
            while len(self._opened) > OPEN_INDEXES:
                self._opened.popitem(last=False)
        return opened


@dataclass(frozen=True, slots=True)
class _Term:
    """A word of a query: the ways in which the index may have it, and what it counts for."""

    ways: tuple[segments.Way, ...]
    times: int
    weight: float


def _terms(opened: _Opened, words: Iterable[tuple[segments.Way, ...]]) -> list[_Term]:
    """The words of a query with what a passage gets that has each once and is of usual length.

    That is BM25's inverse document frequency. A word that nobody has counts as one that a single
    passage has: who asks for it has not found it.
    """
    times: dict[tuple[segments.Way, ...], int] = {}
    for ways in words:
        times[ways] = times.get(ways, 0) + 1
    everything = max(opened.searcher.num_docs, 1)
    terms = []
    for ways, count in times.items():
        known = [among for way in ways if (among := opened.searcher.doc_freq(way.field, way.word))]
        rarest = min(known, default=1)
        rarity = math.log(1 + (max(everything, rarest) - rarest + 0.5) / (rarest + 0.5))
        terms.append(_Term(ways, count, count * rarity))
    terms.sort(key=lambda term: -term.weight)
    return terms[:MAX_QUERY_WORDS]


def calibrated(ratio: float) -> float:
    """From 0 to 1: what a passage scored, over what one scores that has each word once.

    So .78 says "has all words of the query", .53 "has half of them by weight", and words that come
    again and again go towards .96.
    """
    return 1 - math.exp(-1.5 * ratio)


def together(scores: Sequence[float], queries: int) -> float:
    """One score of several queries: the best, raised a little by what the others found too."""
    best = max(scores)
    if queries == 1:
        return best
    others = (sum(scores) - best) / (queries - 1)
    return best + (1 - best) * others / 4


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("chunk", fast=True)
    builder.add_unsigned_field("file", indexed=True, fast=True)
    for name in ("words", "rest", "language"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _searcher(index: tantivy.Index) -> tantivy.Searcher:
    # "commit" would start a thread for each index that looks for changes twice a second.
    index.config_reader("manual", 0)
    index.reload()
    return index.searcher()


def _stamp(directory: Path) -> tuple[int, ...]:
    """Changes with every commit, and when the directory is another."""
    meta = (directory / "meta.json").stat()
    return directory.stat().st_ino, meta.st_ino, meta.st_mtime_ns, meta.st_size


@contextlib.contextmanager
def _asking_tantivy() -> Iterator[None]:
    """Tell apart what tantivy raises: a ValueError for all that it finds, and panics, which are no
    Exceptions and would end a thread for good.

    :raises Damaged: the files are not as tantivy left them
    :raises OSError: anything else, which may pass
    """
    try:
        yield
    except ValueError as error:
        if DAMAGE.search(str(error)):
            raise Damaged(str(error)) from error
        raise OSError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise Damaged(str(error)) from error
        raise

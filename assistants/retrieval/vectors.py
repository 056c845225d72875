"""Finding passages by what they mean: the vectors of each vector store, in files that are mapped.

An embedding model makes the vectors; this module only keeps and compares them. They are derived
from the chunks in the database, and can be made again. See docs/retrieval.md.
"""

import contextlib
import json
import logging
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistants.retrieval.stores import checked, hidden, is_id, locked

logger = logging.getLogger(__name__)

FORMAT = 1
"""Counts up when files of an older version cannot be read any more; then they count as none."""
EXACT = 4096
"""Among so many each vector is compared. Among more the signs of their numbers choose ..."""
CHOSEN = 1000
"""... so many, or ten times as many as are asked for, which then are."""
BLOCK = 1 << 14
"""Vectors whose signs are compared at once, so that they stay in the processor's cache."""
OPEN_STORES = 64
COMPACTED_FROM = 1000
"""Vectors that were removed take their room until they are so many, and half of all."""

COLUMNS = ("chunks", "files", "bits", "vectors")
MAX_TABLE = 50_000_000
"""Ids up to here are looked up in a table of a byte each, which is far quicker than by search."""

Array = np.ndarray[Any, np.dtype[Any]]


class OtherLength(Exception):
    """Vectors have not as many numbers as those that are there of the same model."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A chunk's vector, of any length greater than 0; ids are database keys, from 1."""

    chunk: int
    file: int
    numbers: Sequence[float] | Array


@dataclass(frozen=True, slots=True)
class Near:
    """A chunk and its cosine to a query."""

    chunk: int
    file: int
    cosine: float


@dataclass(frozen=True, slots=True)
class _Head:
    """What ``meta.json`` says; vectors beyond ``count`` were not written to their end."""

    model: str
    dimensions: int
    count: int
    format: int = FORMAT

    @property
    def columns(self) -> dict[str, tuple[type, int]]:
        """The files: what each holds, and how many of it for a vector. ``bits`` are the signs of
        the numbers, 64 in each. ``files`` is 0 where a vector was removed.
        """
        words = -(-self.dimensions // 64)
        return {
            "chunks": (np.int64, 1),
            "files": (np.int64, 1),
            "bits": (np.uint64, words),
            "vectors": (np.float16, self.dimensions),
        }

    def size(self, name: str) -> int:
        """Bytes of a file that belong to the index."""
        kind, width = self.columns[name]
        return np.dtype(kind).itemsize * width * self.count


@dataclass(frozen=True, slots=True)
class _Opened:
    """A store's vectors as they were at one time."""

    head: _Head
    stamp: tuple[int, ...]
    chunks: Array
    files: Array
    bits: Array
    vectors: Array
    ordered: bool
    """Whether each chunk has a greater number than the one before, as a rule they have."""

    def rows_of(self, chunks: Collection[int]) -> Array:
        """Where the vectors of these chunks are; those that have none are left out."""
        wanted = np.fromiter(chunks, np.int64)
        if not self.ordered:
            return np.flatnonzero(np.isin(self.chunks, wanted))
        places = np.searchsorted(self.chunks, wanted)
        places = places[places < self.head.count]
        return np.intersect1d(places, places[np.isin(self.chunks[places], wanted)])

    def among(self, chunks: Collection[int]) -> set[int]:
        """Those of these chunks that can be found."""
        rows = self.rows_of(chunks)
        return set(self.chunks[rows[self.files[rows] > 0]].tolist())

    def rows_in(self, files: Collection[int]) -> Array:
        """Where the vectors of these files are."""
        return np.flatnonzero(_is_in(self.files, files))


class VectorIndex:
    """The vectors of all stores, each in a directory of its own below ``root``.

    ``model`` names what made them, with all that makes a difference; those of another model count
    as none, and go when one adds to the store. Safe to be called from any thread of any process: a
    file beside the directory is locked while one writes, and readers never wait. Files that are
    damaged count as none too, which the log tells.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mutex = threading.Lock()
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    def add(self, store: str, model: str, vectors: Sequence[Vector]) -> None:
        """Add vectors; of chunks that have one already nothing is changed. They are on disk when
        this returns.

        :raises OtherLength: they have not as many numbers as those that the store has of the model
        """
        directory = self._directory(store)
        with self._alone(store):
            opened = self._open(store)
            if opened is None or opened.head.model != model:
                self._discard(directory)
                opened = None
            there = set() if opened is None else opened.among({one.chunk for one in vectors})
            new = [one for one in vectors if one.chunk not in there]
            width = len(new[0].numbers) if new else 0
            if opened is not None and opened.head.count and new:
                width = opened.head.dimensions
            for one in new:
                if len(one.numbers) != width:
                    told = f"{model} gives {len(one.numbers)} numbers, and has given {width}"
                    raise OtherLength(told)
            if new:
                count = 0 if opened is None else opened.head.count
                _append(directory, _Head(model, width, count), new)

    def remove(self, store: str, files: Collection[int]) -> None:
        """Remove the vectors of these files."""
        directory = self._directory(store)
        if not files or not directory.exists():
            return
        with self._alone(store):
            opened = self._open(store)
            if opened is None or not opened.head.count:
                return
            gone = _is_in(opened.files, files)
            if not gone.any():
                return
            owners = np.memmap(directory / "files", np.int64, "r+", shape=(opened.head.count,))
            owners[gone] = 0  # at once for all who look
            owners.flush()
            dead = int((owners == 0).sum())
            if dead >= COMPACTED_FROM and dead * 2 >= opened.head.count:
                self._compact(directory, opened)

    def drop(self, store: str) -> None:
        """Remove all vectors of a store."""
        directory = self._directory(store)
        if directory.exists():
            with self._alone(store):
                self._discard(directory)
                self._lock_of(store).unlink()
        with self._mutex:
            self._opened.pop(store, None)

    def clean_up(self) -> None:
        """Remove what processes that died had begun to write or to remove."""
        for path in list(self._root.glob(".*.*")):
            store = path.name[1:].partition(".")[0]
            if path.is_dir() and is_id(store):
                with self._alone(store):
                    shutil.rmtree(path, ignore_errors=True)

    def count(self, store: str, model: str) -> int:
        """How many vectors of the model can be found."""
        opened = self._of_model(store, model)
        return 0 if opened is None else int((opened.files[:] > 0).sum())

    def holds(self, store: str, model: str) -> bool:
        """Whether there may be any, which is quickly told."""
        opened = self._of_model(store, model)
        return opened is not None and opened.head.count > 0

    def files(self, store: str, model: str) -> set[int]:
        """The files that have vectors of the model."""
        opened = self._of_model(store, model)
        return set() if opened is None else set(np.unique(opened.files).tolist()) - {0}

    def chunks(self, store: str, model: str, files: Collection[int]) -> set[int]:
        """The chunks of these files that have a vector of the model."""
        opened = self._of_model(store, model)
        if opened is None:
            return set()
        return set(opened.chunks[opened.rows_in(files)].tolist())

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
        found = []
        asked = np.array(query, np.float32)
        unit = asked / np.linalg.norm(asked)
        for store in dict.fromkeys(stores):
            opened = self._of_model(store, model)
            if opened is None or not opened.head.count:
                continue
            if opened.head.dimensions != len(query):
                told = "%s has vectors of %s numbers, and %s asks with %s"
                logger.warning(told, store, opened.head.dimensions, model, len(query))
                continue
            found += _find(opened, unit, depth, files, also)
        return found

    def _of_model(self, store: str, model: str) -> _Opened | None:
        opened = self._open(store)
        return opened if opened is not None and opened.head.model == model else None

    def _open(self, store: str) -> _Opened | None:
        """The store's vectors as they are now; None when there are none that can be read."""
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
            opened = _mapped(directory, stamp)
        except (OSError, ValueError, TypeError, KeyError) as error:
            with contextlib.suppress(FileNotFoundError):
                if _stamp(directory) == stamp:
                    logger.warning("the vectors in %s are damaged: %s", directory, error)
                    return None
            return self._open(store)  # they were replaced meanwhile
        with self._mutex:
            # What other processes have dropped would stay mapped, and keep its room on the disk.
            for other in [name for name in self._opened if not self._directory(name).exists()]:
                del self._opened[other]
            self._opened[store] = opened
            self._opened.move_to_end(store)
            while len(self._opened) > OPEN_STORES:
                self._opened.popitem(last=False)
        return opened

    def _compact(self, directory: Path, opened: _Opened) -> None:
        """Write the vectors that are left to files of their own, and put these in the place."""
        fresh = hidden(directory)
        alive = np.flatnonzero(opened.files)
        head = _Head(opened.head.model, opened.head.dimensions, 0)
        try:
            vectors = [
                Vector(int(opened.chunks[row]), int(opened.files[row]), opened.vectors[row])
                for row in alive
            ]
            _append(fresh, head, vectors)
            self._discard(directory)
            fresh.rename(directory)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _discard(self, directory: Path) -> None:
        if directory.exists():
            grave = hidden(directory)
            directory.rename(grave)  # at once for all who look
            shutil.rmtree(grave, ignore_errors=True)

    def _directory(self, store: str) -> Path:
        return self._root / checked(store)

    def _lock_of(self, store: str) -> Path:
        return self._root / f"{store}.lock"

    @contextlib.contextmanager
    def _alone(self, store: str) -> Iterator[None]:
        """While this lasts no other thread or process writes to the store."""
        with locked(self._lock_of(store)):
            yield


def _find(
    opened: _Opened,
    unit: Array,
    depth: int,
    files: Collection[int] | None,
    also: Collection[int],
) -> list[Near]:
    among = None if files is None else opened.rows_in(files)
    if (opened.head.count if among is None else len(among)) > EXACT:
        among = _by_signs(opened, unit, max(CHOSEN, 10 * depth), among)
    elif among is None:
        among = np.arange(opened.head.count)
    cosines = _cosines(opened, among, unit)
    if len(among) > depth:
        best = np.argpartition(-cosines, depth - 1)[:depth]
        among, cosines = among[best], cosines[best]
    if also:
        more = np.setdiff1d(opened.rows_of(also), among)
        among = np.concatenate([among, more])
        cosines = np.concatenate([cosines, _cosines(opened, more, unit)])
    owners = opened.files[among]
    rows = zip(opened.chunks[among], owners, cosines, strict=True)
    return [
        Near(int(chunk), int(owner), float(cosine))
        for chunk, owner, cosine in rows
        if owner and (files is None or int(owner) in files)
    ]


def _is_in(column: Array, ids: Collection[int]) -> Array:
    """Of each number whether it is among these, which are not negative."""
    wanted = np.fromiter(ids, np.int64)
    highest = int(wanted.max(initial=0))
    if highest > MAX_TABLE:
        return np.isin(column, wanted)
    table = np.zeros(highest + 2, bool)
    table[wanted] = True
    found: Array = table[np.minimum(column, highest + 1)]
    return found


def _cosines(opened: _Opened, rows: Array, unit: Array) -> Array:
    """To a vector of length 1. What was removed is as far away as can be."""
    found: Array = opened.vectors[rows].astype(np.float32) @ unit.astype(np.float32)
    found[opened.files[rows] == 0] = -2
    return found


def _by_signs(opened: _Opened, unit: Array, most: int, among: Array | None) -> Array:
    """About ``most`` of these rows, or of all, those whose numbers have the query's signs most
    often.
    """
    asked = _signs(unit[None, :])[0]
    total = opened.head.count if among is None else len(among)
    differing = np.empty(total, np.uint16)
    for begin in range(0, total, BLOCK):
        block = slice(begin, min(begin + BLOCK, total))
        rows = block if among is None else among[block]
        differing[block] = _differing(opened.bits[rows], asked)
        differing[block][opened.files[rows] == 0] = opened.head.dimensions + 1
    counts = np.bincount(differing, minlength=opened.head.dimensions + 2)
    limit = int(np.searchsorted(np.cumsum(counts), most))
    # Where many are the same, no more than twice as many: each that is compared takes memory.
    nearer, last = np.flatnonzero(differing < limit), np.flatnonzero(differing == limit)
    chosen = np.sort(np.concatenate([nearer, last[: max(2 * most - len(nearer), 0)]]))
    return chosen if among is None else among[chosen]


def _differing(signs: Array, asked: Array) -> Array:
    """How many signs of each row are not as asked."""
    found = np.zeros(len(signs), np.uint16)
    for word in range(signs.shape[1]):
        found += np.bitwise_count(signs[:, word] ^ asked[word])
    return found


def _signs(vectors: Array) -> Array:
    """Of each row, 64 in a number; what is left over in the last is 0."""
    bits = np.packbits(vectors > 0, axis=1, bitorder="little")
    padded = np.zeros((len(vectors), -(-vectors.shape[1] // 64) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    found: Array = padded.view(np.uint64)
    return found


def _append(directory: Path, head: _Head, new: Sequence[Vector]) -> None:
    """Write vectors after the first ``head.count``, then the head that says that they are there."""
    directory.mkdir(parents=True, exist_ok=True)
    numbers = np.array([one.numbers for one in new], np.float32).reshape(len(new), head.dimensions)
    if new:
        numbers = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    columns = {
        "chunks": np.array([one.chunk for one in new], np.int64),
        "files": np.array([one.file for one in new], np.int64),
        "bits": _signs(numbers),
        "vectors": numbers.astype(np.float16),
    }
    for name, column in columns.items():
        file = os.open(directory / name, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(file, "wb") as out:
            out.truncate(head.size(name))
            out.seek(0, os.SEEK_END)
            out.write(column.tobytes())
            out.flush()
            os.fsync(out.fileno())
    complete = asdict(head) | {"count": head.count + len(new)}
    fresh = directory / "meta.json.new"
    with fresh.open("w") as out:
        out.write(json.dumps(complete))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(directory / "meta.json")
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mapped(directory: Path, stamp: tuple[int, ...]) -> _Opened:
    """:raises ValueError: the files are not as they were left"""
    head = _Head(**json.loads((directory / "meta.json").read_text()))
    if head.format != FORMAT:
        raise ValueError(f"of format {head.format}, not {FORMAT}")
    columns: dict[str, Array] = {}
    for name, (kind, width) in head.columns.items():
        if (directory / name).stat().st_size < head.size(name):
            raise ValueError(f"{name} is too short")
        shape = (head.count,) if name in ("chunks", "files") else (head.count, width)
        columns[name] = (
            np.memmap(directory / name, kind, "r", shape=shape)
            if head.size(name)
            else np.empty(shape, kind)
        )
    chunks = columns["chunks"]
    return _Opened(head, stamp, **columns, ordered=bool((chunks[1:] > chunks[:-1]).all()))


def _stamp(directory: Path) -> tuple[int, ...]:
    """Changes with every addition, when the directory is another, and when a file was cut off: to
    read what is mapped of it and no longer there would end the process.

    :raises FileNotFoundError: there is none
    """
    meta = (directory / "meta.json").stat()
    sizes = [(directory / name).stat().st_size for name in COLUMNS]
    return directory.stat().st_ino, meta.st_ino, meta.st_mtime_ns, meta.st_size, *sizes

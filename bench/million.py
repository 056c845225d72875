"""One store of 10,000 files and 1,000,000 chunks, searched by words and by meaning.

Not among those that run by default: it lays out 1.5 GB and takes some minutes. The texts have the
words of Zipf's law, as in ``bench.retrieval``; the vectors have 384 numbers and lie in clusters, as
those of a model do, each file's chunks around one point. What is measured is a process that only
searches; the store is laid out by another. Its memory is what is resident at its highest, mapped
files included.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import tantivy

from assistants.retrieval import fusion, languages
from assistants.retrieval.index import Entry, KeywordIndex
from assistants.retrieval.meaning import Meaning
from assistants.retrieval.vectors import Vector, VectorIndex
from bench.figures import Figure, Report, p99
from bench.retrieval import Draw

CHUNKS_OF_A_FILE = 100
CHUNK_WORDS = 120
WIDTH = 384
QUERIES = 300
LIMIT = 20
AT_ONCE = 10_000
STORE, MODEL = "vs_1", "drawn"
SIZES = ((100_000, 10.0, 40.0), (1_000_000, 50.0, 200.0))
"""Chunks, and what half and all but one in a hundred searches may take, in milliseconds."""
MEMORY_MB = 1500.0

Array = np.ndarray[Any, np.dtype[Any]]


def measure() -> Report:
    # Each in processes of its own, so that the memory is that of the search alone.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        figures = []
        for chunks, half, nearly_all in SIZES:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                root = Path(folder)
                built = pool.apply(build, (root, chunks))
                took, used, memory = pool.apply(searches, (root, chunks))
            what = f"{chunks:,} chunks by words and meaning"
            figures += [
                Figure(f"{what}: p50", median(took), "ms", half),
                Figure(f"{what}: p99", p99(took), "ms", nearly_all),
                Figure(f"{what}: processor time", used, "ms"),
                Figure(f"{what}: memory", memory, "MB", MEMORY_MB),
                Figure(f"{what}: laid out in", built, "s"),
            ]
    return Report(figures)


class Laid(KeywordIndex):
    """An index of texts whose words are stems already, as it would take minutes to make these."""

    def _document(self, entry: Entry) -> tantivy.Document:
        content = {"chunk": entry.chunk, "file": entry.file, "words": entry.text}
        return tantivy.Document.from_dict({**content, "language": "english"}, self._schema)


def build(root: Path, chunks: int) -> float:
    """Lay the store out; the seconds that it took."""
    begun = time.perf_counter()
    Laid(root).rebuild(STORE, entries(chunks))
    vectors = VectorIndex(root / "vectors")
    random = np.random.default_rng(7)
    for first in range(0, chunks, AT_ONCE):
        numbers = drawn(random, first, AT_ONCE)
        rows = zip(range(first + 1, first + AT_ONCE + 1), numbers, strict=True)
        vectors.add(STORE, MODEL, [Vector(chunk, file_of(chunk), one) for chunk, one in rows])
    return time.perf_counter() - begun


def file_of(chunk: int) -> int:
    return (chunk - 1) // CHUNKS_OF_A_FILE + 1


def entries(chunks: int) -> Iterator[Entry]:
    draw = Draw()
    stems = languages.stems(draw.words, "english")
    shares = np.array(draw.weights) / draw.weights[-1]
    random = np.random.default_rng(7)
    for first in range(0, chunks, AT_ONCE):
        places = np.searchsorted(shares, random.random((AT_ONCE, CHUNK_WORDS))).tolist()
        for chunk, row in enumerate(places, first + 1):
            yield Entry(chunk, file_of(chunk), " ".join([stems[place] for place in row]))


def drawn(random: np.random.Generator, first: int, count: int) -> Array:
    """Vectors of the files that begin with this chunk."""
    files = random.standard_normal((count // CHUNKS_OF_A_FILE, WIDTH), np.float32)
    around = random.standard_normal((count, WIDTH), np.float32)
    return np.repeat(files, CHUNKS_OF_A_FILE, axis=0) + around


def searches(root: Path, chunks: int) -> tuple[list[float], float, float]:
    """The milliseconds of each search, those of processor time of one on average, and the
    process's memory in megabytes.
    """
    draw, random = Draw(), np.random.default_rng(8)
    words, vectors = KeywordIndex(root), VectorIndex(root / "vectors")
    took = []
    used = 0.0
    for number in range(QUERIES + 10):
        query = draw.text(5)
        numbers = random.standard_normal(WIDTH).tolist()
        meanings = {query: Meaning(MODEL, numbers, 0.0)}.copy
        begun, used_before = time.perf_counter(), time.process_time()
        hits = fusion.search(words, vectors, [STORE], [query], LIMIT, None, meanings)
        if number >= 10:  # before, the files are read for the first time
            took.append((time.perf_counter() - begun) * 1e3)
            used += (time.process_time() - used_before) * 1e3
        if len(hits) != LIMIT:
            raise RuntimeError(f"{len(hits)} hits of {LIMIT} in {chunks:,} chunks")
    return took, used / QUERIES, psutil.Process(os.getpid()).memory_info().rss / 1e6

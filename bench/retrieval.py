"""Reading small files and finding passages: how fast, and how well where there is a collection.

``BENCH_COLLECTIONS`` names a folder with Cranfield (``cran.all.1400``, ``cran.qry``, ``cranqrel``)
and CMRC 2018 (``cmrc2018_dev.json``); without it only speed is measured. ``BENCH_MINILM`` names the
folder of a small English embedding model (``bench.minilm``): then they are searched by meaning too,
which takes some minutes more.
"""

import json
import math
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import fmean, median

import numpy as np

from assistants.retrieval import fusion
from assistants.retrieval.index import Entry, Hit, KeywordIndex
from assistants.retrieval.meaning import UNRELATED, Meaning, meaning_of, middle_of
from assistants.retrieval.reader import Reader
from assistants.retrieval.spoken import language_of
from assistants.retrieval.vectors import Vector, VectorIndex
from bench.figures import Figure, Report, p99
from bench.minilm import MiniLM

FILES = 2_000
CHUNKS = 100_000
CHUNK_WORDS = 120
WORDS = 50_000
QUERIES = 300
THREADS = 8

Rows = list[tuple[str, ...]]
Hits = list[Hit]


def measure() -> Report:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        figures = [
            *ingestion(root / "files"),
            *queries(root / "many"),
            *nearest(root / "vectors", CHUNKS, 384, target=10),
            *nearest(root / "vectors", 10 * CHUNKS, 256, target=50),
        ]
        found: Rows = [("collection", "nDCG@10", "recall@20")]
        if collections := os.environ.get("BENCH_COLLECTIONS"):
            found += quality(Path(collections), root / "collections")
    return Report(figures, [("What is found", found)] if len(found) > 1 else [])


def ingestion(root: Path) -> Iterator[Figure]:
    """Files of 2 kB, each read in a child and added by itself, by some threads at once."""
    root.mkdir()
    draw = Draw()
    for number in range(FILES):
        (root / f"{number}.txt").write_text(draw.text(300))
    reader, index, keys = Reader(), KeywordIndex(root / "index"), count()

    def ingest(number: int) -> None:
        passages = reader.read(str(root / f"{number}.txt"), "a.txt")
        index.add("vs_1", [Entry(next(keys), number, passage.text) for passage in passages])

    begun = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ingest, range(FILES)))
    took = time.perf_counter() - begun
    reader.close()
    yield Figure("a small text file, read and indexed", took / FILES * 1000, "ms", target=1000 / 60)


def queries(root: Path) -> Iterator[Figure]:
    """Five words each, of 100,000 chunks with words as unevenly frequent as real ones."""
    draw = Draw()
    index = KeywordIndex(root)
    begun = time.perf_counter()
    index.add("vs_1", (Entry(n, n // 100, draw.text(CHUNK_WORDS)) for n in range(CHUNKS)))
    yield Figure("100,000 chunks, added in one commit", time.perf_counter() - begun, "s")
    for what, files in (("", None), (", in 10 of 1,000 files", range(0, 1000, 100))):
        took = []
        for _ in range(QUERIES):
            query = draw.text(5)
            begun = time.perf_counter()
            index.search(["vs_1"], [query], 20, files)
            took.append((time.perf_counter() - begun) * 1000)
        yield Figure(f"query of 100,000 chunks{what}, p50", median(took), "ms", target=10)
        yield Figure(f"query of 100,000 chunks{what}, p99", p99(took), "ms", target=50)


def nearest(root: Path, count: int, width: int, target: float) -> Iterator[Figure]:
    """Of vectors that point anywhere, those nearest to another one."""
    random_ = np.random.default_rng(7)
    index = VectorIndex(root)
    store = f"vs_{count}"
    for first in range(1, count, CHUNKS // 4):
        drawn = random_.standard_normal((CHUNKS // 4, width), np.float32)
        numbers = zip(range(first, first + len(drawn)), drawn, strict=True)
        index.add(store, "drawn", [Vector(n, n // 100 + 1, one) for n, one in numbers])
    took = []
    for _ in range(QUERIES // 3):
        query = random_.standard_normal(width).tolist()
        begun = time.perf_counter()
        index.search([store], "drawn", query, 100)
        took.append((time.perf_counter() - begun) * 1000)
    what = f"nearest of {count:,} vectors of {width} numbers"
    yield Figure(f"{what}, p50", median(took), "ms", target=target)
    yield Figure(f"{what}, p99", p99(took), "ms", target=4 * target)


class Draw:
    """Texts of made-up words by Zipf's law, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 10)))
            for _ in range(WORDS)
        ]
        total = 0.0
        self.weights = [total := total + 1 / rank for rank in range(10, WORDS + 10)]

    def text(self, words: int) -> str:
        return " ".join(self._random.choices(self.words, cum_weights=self.weights, k=words))


def quality(folder: Path, root: Path) -> Rows:
    """By words, and with a model by words and meaning."""
    words = KeywordIndex(root)
    collections = {"Cranfield": cranfield(folder), "CMRC 2018": cmrc(folder)}
    rows: Rows = []
    for name, (texts, asked) in collections.items():
        store = name.split()[0]
        words.add(store, (Entry(number, number + 1, text) for number, text in texts.items()))

        def by_words(query: str, of: str = store) -> Hits:
            return words.search([of], [query], 20)

        rows.append(row(name, asked, by_words))
    if not (model_folder := os.environ.get("BENCH_MINILM")):
        return rows
    model = MiniLM(Path(model_folder))
    middle = middle_of(model(UNRELATED).tolist())
    vectors = VectorIndex(root / "vectors")
    for name, (texts, asked) in collections.items():
        store = name.split()[0]
        known = english(texts)
        made = zip(known, model(list(known.values())), strict=True)
        vectors.add(store, "MiniLM", [Vector(number, number + 1, one) for number, one in made])
        queries = list(english(dict(enumerate(query for query, _ in asked))).values())
        meanings = {
            query: meaning_of("MiniLM", numbers, middle)
            for query, numbers in zip(queries, model(queries).tolist(), strict=True)
        }

        def search(query: str, of: str = store, known: Mapping[str, Meaning] = meanings) -> Hits:
            return fusion.search(words, vectors, [of], [query], 20, None, lambda: known)

        rows.append(row(f"{name}, with MiniLM", asked, search))
    return rows


def english(texts: Mapping[int, str]) -> dict[int, str]:
    """Those that a model hears which knows nothing else."""
    return {number: text for number, text in texts.items() if language_of(text) == "english"}


def row(
    name: str, asked: list[tuple[str, set[int]]], search: Callable[[str], Hits]
) -> tuple[str, str, str]:
    """How well a search finds what is relevant."""
    gains, recalls = [], []
    for query, relevant in asked:
        hits = [hit.chunk for hit in search(query)]
        gains.append(ndcg(hits[:10], relevant))
        recalls.append(len(relevant.intersection(hits)) / len(relevant))
    return f"{name}, {len(asked)} queries", f"{fmean(gains):.3f}", f"{fmean(recalls):.3f}"


def ndcg(hits: Iterable[int], relevant: set[int]) -> float:
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, 1) if hit in relevant)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(len(relevant), 10) + 1))


Collection = tuple[Mapping[int, str], list[tuple[str, set[int]]]]


def cranfield(folder: Path) -> Collection:
    """1,400 abstracts with their titles; those judged 1 to 3 of 4 are relevant."""
    texts = {}
    for record in records(folder / "cran.all.1400"):
        number, rest = record.split("\n", 1)
        texts[int(number)] = rest.split("\n.W\n", 1)[1]
    asked = [record.split(".W\n", 1)[1] for record in records(folder / "cran.qry")]
    relevant: dict[int, set[int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        query, text, judged = map(int, line.split())
        if 1 <= judged <= 3:
            relevant.setdefault(query, set()).add(text)
    return texts, [(asked[number - 1], found) for number, found in sorted(relevant.items())]


def records(path: Path) -> list[str]:
    """Cranfield's texts or queries, each from its number on."""
    return re.split(r"^\.I ", path.read_text(), flags=re.MULTILINE)[1:]


def cmrc(folder: Path) -> Collection:
    """Chinese paragraphs, and questions that one of them answers."""
    data = json.loads((folder / "cmrc2018_dev.json").read_text())["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    texts = {number: paragraph["context"] for number, paragraph in enumerate(paragraphs)}
    asked = [
        (question["question"], {number})
        for number, paragraph in enumerate(paragraphs)
        for question in paragraph["qas"]
    ]
    return texts, asked

"""Reading small files and finding passages: how fast, and how well where there is a collection.

``BENCH_COLLECTIONS`` names a folder with Cranfield (``cran.all.1400``, ``cran.qry``, ``cranqrel``)
and CMRC 2018 (``cmrc2018_dev.json``); without it only speed is measured.
"""

import json
import math
import os
import random
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import fmean, median

from assistants.retrieval.index import Entry, KeywordIndex
from assistants.retrieval.reader import Reader
from bench.figures import Figure, Report, p99

FILES = 2_000
CHUNKS = 100_000
CHUNK_WORDS = 120
WORDS = 50_000
QUERIES = 300
THREADS = 8

Rows = list[tuple[str, ...]]


def measure() -> Report:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        figures = [*ingestion(root / "files"), *queries(root / "many")]
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


class Draw:
    """Texts of made-up words by Zipf's law, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 10)))
            for _ in range(WORDS)
        ]
        total = 0.0
        self._weights = [total := total + 1 / rank for rank in range(10, WORDS + 10)]

    def text(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=words))


def quality(folder: Path, root: Path) -> Rows:
    index = KeywordIndex(root)
    rows: Rows = []
    for name, (texts, asked) in {
        "Cranfield": cranfield(folder),
        "CMRC 2018": cmrc(folder),
    }.items():
        store = name.split()[0]
        index.add(store, (Entry(number, number, text) for number, text in texts.items()))
        gains, recalls = [], []
        for query, relevant in asked:
            hits = [hit.chunk for hit in index.search([store], [query], 20)]
            gains.append(ndcg(hits[:10], relevant))
            recalls.append(len(relevant.intersection(hits)) / len(relevant))
        rows.append(
            (f"{name}, {len(asked)} queries", f"{fmean(gains):.3f}", f"{fmean(recalls):.3f}")
        )
    return rows


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

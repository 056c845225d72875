"""Ingestion by the running service: 10,000 small text files by batch, and a PDF of 20 pages.

The files are uploaded before. They are added over HTTP, at once, in as few batches as the API's
limit for one allows, and ingested by the one worker; the clock stops when all are completed. The
direct way is one process that reads the same files into passages and cuts these into the index's
words, and does nothing else. The PDF's time is from the start of its upload to the first search
over HTTP that finds its last page.
"""

import http.client
import io
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from assistants.errors import Wire
from assistants.models import File, Project
from assistants.operations import files, projects
from assistants.params.vector_store import MAX_BATCH
from assistants.retrieval import segments
from assistants.retrieval.reader import Reader
from bench.figures import Figure, Report
from bench.retrieval import Draw
from bench.service import Service
from tests.retrieval.documents import pdf

FILES = 10_000
DIRECT_FILES = 500
WORDS_IN_A_FILE = 150
WORDS_ON_A_PAGE = 400
PAGES = 20
PDFS = 7
PATIENCE_SECONDS = 500.0
LOOK_SECONDS = 0.02
MOST_MS = 1000 / 60
"""A file, so that there are 60 a second."""


def measure(service: Service) -> Report:
    client = Client(service)
    return Report([*of_many(service, client), *of_a_pdf(client)])


def of_many(service: Service, client: "Client") -> list[Figure]:
    """How long a small file takes, of many."""
    draw = Draw()
    texts = [draw.text(WORDS_IN_A_FILE) for _ in range(FILES)]
    project = projects.ensure_default_project()
    uploaded = [uploaded_text(project, text) for text in texts]
    direct = directly(texts[:DIRECT_FILES])
    service.settle()
    store = client.ask("POST", "vector_stores", {})["id"]
    worker = psutil.Process(service.stack.pid_of("worker"))
    used = seconds_of(worker)
    begun = time.perf_counter()
    batches = [
        client.ask(
            "POST",
            f"vector_stores/{store}/file_batches",
            {"file_ids": uploaded[first : first + MAX_BATCH]},
        )["id"]
        for first in range(0, FILES, MAX_BATCH)
    ]
    added = time.perf_counter() - begun
    for batch in batches:
        client.completed(f"vector_stores/{store}/file_batches/{batch}")
    took = time.perf_counter() - begun
    used = seconds_of(worker) - used
    return [
        Figure(
            f"{FILES:,} text files by batch, each", took / FILES * 1e3, "ms", MOST_MS, direct * 1e3
        ),
        Figure("the same, processor time of the worker", used / FILES * 1e3, "ms"),
        Figure("the same, until all batches were accepted", added, "s"),
    ]


def uploaded_text(project: Project, text: str) -> str:
    """The id of a new text file."""
    content = io.BytesIO(text.encode())
    file: File = files.create(project, content, filename="a.txt", purpose="assistants")
    return file.id


def directly(texts: list[str]) -> float:
    """The seconds that a file takes that is only read and cut into words."""
    reader = Reader(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.txt" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        reader.read(str(paths[0]), "a.txt")
        begun = time.perf_counter()
        for path in paths:
            for passage in reader.read(str(path), "a.txt"):
                segments.document(passage.text)
        took = time.perf_counter() - begun
    reader.close()
    return took / len(texts)


def seconds_of(process: psutil.Process) -> float:
    """Processor time of a process and of those that it has started."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


def of_a_pdf(client: "Client") -> list[Figure]:
    """How long a PDF takes from its upload until it is found; the first, which starts what is
    needed, does not count.
    """
    draw, random_ = Draw(), random.Random(7)
    store = client.ask("POST", "vector_stores", {})["id"]
    took = []
    for _ in range(PDFS + 1):
        word = "".join(random_.choices("bcdfghklmnprstvw", k=12))
        pages = [draw.text(WORDS_ON_A_PAGE) for _ in range(PAGES - 1)]
        content = pdf([drawing(page) for page in (*pages, f"{draw.text(WORDS_ON_A_PAGE)} {word}")])
        begun = time.perf_counter()
        file = client.upload("a.pdf", content)
        client.ask("POST", f"vector_stores/{store}/files", {"file_id": file})
        client.completed(f"vector_stores/{store}/files/{file}")
        found = client.ask("POST", f"vector_stores/{store}/search", {"query": word})["data"]
        took.append(time.perf_counter() - begun)
        if not found or found[0]["file_id"] != file:
            raise RuntimeError("the PDF is completed and not found")
    counted = took[1:]
    return [
        Figure(f"PDF of {PAGES} pages, uploaded to found: p50", median(counted), "s", 2.0),
        Figure(f"PDF of {PAGES} pages, uploaded to found: slowest", max(counted), "s", 2.0),
    ]


def drawing(text: str) -> bytes:
    """A page's content: text beyond its edges would not be read."""
    words = text.split()
    lines = [" ".join(words[at : at + 8]) for at in range(0, len(words), 8)]
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    return f"BT /F1 9 Tf 12 TL 50 760 Td {shown} ET".encode()


class Client:
    """A program with a key, on one connection."""

    def __init__(self, service: Service) -> None:
        parts = urlsplit(service.stack.url)
        assert parts.hostname
        self._http = http.client.HTTPConnection(parts.hostname, parts.port)
        self._headers = {"Authorization": f"Bearer {service.stack.api_key}"}

    def ask(self, method: str, path: str, body: Wire | None = None) -> Wire:
        """The answer to a request with or without a JSON body."""
        sent = None if body is None else json.dumps(body).encode()
        return self._ask(method, path, sent, "application/json")

    def upload(self, name: str, content: bytes) -> str:
        """The id of a new file."""
        edge = "----bench-7d1f4b"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        )
        sent = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        return str(self._ask("POST", "files", sent, kind)["id"])

    def completed(self, path: str) -> None:
        """Wait until what is there is done.

        :raises RuntimeError: it failed, in part or whole, or takes too long
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while (found := self.ask("GET", path))["status"] == "in_progress":
            if time.monotonic() > until:
                raise RuntimeError(f"{path} takes too long")
            time.sleep(LOOK_SECONDS if "batches" not in path else 50 * LOOK_SECONDS)
        if found["status"] != "completed" or found.get("file_counts", {}).get("failed"):
            raise RuntimeError(f"{path} has failed: {found}")

    def _ask(self, method: str, path: str, sent: bytes | None, kind: str) -> Wire:
        headers = {**self._headers, "Content-Type": kind, "OpenAI-Beta": "assistants=v2"}
        self._http.request(method, f"/v1/{path}", sent, headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answers {answer.status}: {content[:200]!r}")
        found: Wire = json.loads(content)
        return found

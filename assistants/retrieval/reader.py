"""Reading files in child processes: a file may be hostile, the worker must live on."""

import contextlib
import logging
import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

import assistants
from assistants.retrieval.frames import HEAD, pack, unpack
from assistants.retrieval.parsing import EXTENSIONS, extension
from assistants.retrieval.passages import Passage
from assistants.retrieval.unreadable import Unreadable

__all__ = ["EXTENSIONS", "Closed", "Reader", "Unreadable"]

logger = logging.getLogger(__name__)

ROOT = Path(assistants.__file__).parent.parent


class Closed(Exception):
    """The reader was closed before the file was read."""


class Reader:
    """Reads files into passages, one at a time in each of its child processes.

    Children start when they are first needed and stay. One that dies, or has not answered by the
    deadline, is killed and replaced; only the file that it was reading fails. Any thread may call.
    """

    def __init__(self, children: int = 2) -> None:
        self._closed = False
        self._mutex = threading.Lock()
        self._children: set[_Child] = set()
        self._places: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(children):
            self._places.put(None)

    def read(
        self,
        path: str,
        filename: str,
        *,
        size: int = 800,
        overlap: int = 400,
        deadline: float = 120,
    ) -> list[Passage]:
        """The passages of the file at ``path``, whose type its ``filename`` tells.

        ``size`` and ``overlap`` are tokens, the overlap half the size at most; ``deadline`` is in
        seconds and counts from when a child takes up the file. Raises ``Unreadable``, or
        ``Closed`` once the reader is closed.
        """
        extension(filename)
        question = {
            "path": str(Path(path).absolute()),
            "filename": filename,
            "size": size,
            "overlap": overlap,
            "deadline": deadline,
        }
        child = self._places.get()
        try:
            child = self._alive(child)
            answer = child.ask(question, deadline)
        except BaseException:
            self._give_back(child, spent=True)
            if self._closed:
                raise Closed from None
            raise
        self._give_back(child, spent=answer["last"])
        return _passages(answer, filename)

    def close(self) -> None:
        """End the children at once. Who waits for one, or for its answer, gets ``Closed``."""
        with self._mutex:
            self._closed = True
            for child in self._children:
                child.kill()
        idle: list[_Child | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._places.get_nowait())
        for one in idle:
            self._give_back(one, spent=True)

    def _alive(self, child: "_Child | None") -> "_Child":
        """This child, or a new one in its place."""
        with self._mutex:
            if self._closed:
                raise Closed
            if child is not None and child.alive:
                return child
            if child is not None:
                self._children.discard(child)
                child.close()
            child = _Child()
            self._children.add(child)
            return child

    def _give_back(self, child: "_Child | None", *, spent: bool) -> None:
        if child is not None and (spent or self._closed):
            with self._mutex:
                self._children.discard(child)
            child.close()
            child = None
        self._places.put(child)


class _Child:
    """One child process."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-m", "assistants.retrieval.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=ROOT,
                # Nothing of ours: keys of model providers are in the environment.
                env={"LANG": "C.UTF-8", "PATH": os.defpath},
            )
        except OSError as error:
            logger.exception("no process could be started to read a file")
            raise Unreadable(
                "server_error", "The server could not start reading the file."
            ) from error
        self._to = cast("IO[bytes]", self._process.stdin)
        self._from = cast("IO[bytes]", self._process.stdout)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: dict[str, Any], deadline: float) -> dict[str, Any]:
        """The child's answer; when there is none in time, the child is to be closed."""
        until = time.monotonic() + deadline
        try:
            self._to.write(pack(question))
            return unpack(self._take(HEAD.unpack(self._take(HEAD.size, until))[0], until))
        except TimeoutError:
            logger.warning("reading %s took longer than %s s", question["path"], deadline)
            raise Unreadable(
                "invalid_file", f"The file took longer than {deadline:g} seconds to read."
            ) from None
        except (BrokenPipeError, EOFError):
            self._process.wait()
            logger.warning(
                "reading %s ended its process: %s", question["path"], self._process.returncode
            )
            raise Unreadable(
                "invalid_file",
                "The file could not be read: it is damaged, or needs too much memory.",
            ) from None

    def _take(self, length: int, until: float) -> bytes:
        taken = bytearray()
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        while len(taken) < length:
            if not poll.poll(max(until - time.monotonic(), 0) * 1000):
                raise TimeoutError
            part = self._from.read(length - len(taken))
            if not part:
                raise EOFError
            taken += part
        return bytes(taken)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()


def _passages(answer: dict[str, Any], filename: str) -> list[Passage]:
    if "passages" in answer:
        return [Passage(*one) for one in answer["passages"]]
    if "gone" in answer:
        logger.info("%s was deleted before it was read", filename)
    if "trace" in answer:
        logger.error("%s could not be read:\n%s", filename, answer["trace"])
    raise Unreadable(answer["code"], answer["message"])

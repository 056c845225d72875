"""The code interpreter as the rest of the service sees it: asyncio, over the interpreter's Unix
socket, or over TLS where it is on another host.

    interpreter = Interpreter(settings.INTERPRETER_SOCKET)
    async for output in interpreter.execute(thread_id, code, inputs, deadline=120):
        match output:
            case Logs(text): ...

A session is made by its first call and lives until `close`. Its calls run one after another.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from urllib.parse import unquote

import aiohttp

from assistants.tools.code_interpreter.outputs import (
    OUTPUT_PATH,
    Ended,
    Health,
    Image,
    Logs,
    Outcome,
    Output,
    SavedFile,
    Wall,
    decode,
    known,
)
from assistants.tools.code_interpreter.remote import Remote

__all__ = [
    "Ended",
    "Health",
    "Image",
    "InputFile",
    "Interpreter",
    "InterpreterUnavailable",
    "Logs",
    "Outcome",
    "Output",
    "Remote",
    "SavedFile",
    "Wall",
]

_CHUNK: Final = 1024 * 1024
_LONGEST_LINE: Final = 16 * 1024 * 1024
_ATTEMPTS: Final = 3
_CONNECT_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.1
_HEALTH_SECONDS: Final = 5.0
DAY: Final = 24 * 3600.0
# Refused, and never answered: aiohttp has no class that is both.
_NO_CONNECTION: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_STOPPED: Final = "The code interpreter was stopped during the call. Variables are gone."
_CUT_OFF: Final = (
    "The connection to the code interpreter broke off during the call, which is stopped then. "
    "Variables may be gone."
)


class InterpreterUnavailable(Exception):
    """The tool is off or its process does not answer. `reason` says why, and the cure where one is
    known, to whoever runs this server; `shown` says it to those who chat, with nothing of the host.
    """

    def __init__(self, reason: str, *, shown: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.shown = shown or reason


@dataclass(frozen=True)
class InputFile:
    """A file for the code, at /mnt/data/<id>, and under its name, which the last of several inputs
    of that name has.

    `open` is called in a thread, only if the session does not have the file yet. `size` in bytes.
    """

    id: str
    name: str
    size: int
    open: Callable[[], BinaryIO]


class Interpreter:
    """A connection to the interpreter process. Belongs to the event loop that first uses it."""

    def __init__(self, place: str | Remote, *, patience: float = 20.0) -> None:
        """`place` is the path of the socket that the process listens on, or where it is on another
        host. Connects when it is first needed; a call waits up to `patience` seconds for a process
        that is being started.
        """
        self._place = place
        self._patience = patience
        self._http: aiohttp.ClientSession | None = None
        self._packages: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Calls that run are interrupted."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _connection(self) -> aiohttp.ClientSession:
        """The one of this object, made when it is first needed. Raises InterpreterUnavailable."""
        if self._http is None:
            address, headers = "http://interpreter", None
            connector: aiohttp.BaseConnector
            if isinstance(self._place, Remote):
                address, headers = self._place.url, self._place.headers()
                try:
                    connector = self._place.connector()
                except OSError as error:
                    raise InterpreterUnavailable(
                        f"The certificates in {self._place.authority} cannot be read ({error}). "
                        "INTERPRETER_CA has to be a file with some, in PEM.",
                        shown="It is not set up on this server.",
                    ) from error
            else:
                connector = aiohttp.UnixConnector(self._place, limit=0)
            self._http = aiohttp.ClientSession(
                address,
                connector=connector,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                read_bufsize=_LONGEST_LINE,
                auto_decompress=False,
            )
        return self._http

    async def health(self) -> Health:
        """Whether the tool is on, and its walls. Never raises: a process that does not answer is a
        reason too.
        """
        timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
        try:
            async with self._connection().get("/health", timeout=timeout) as response:
                await _raise_for(response)
                fields = await response.json()
            walls = [Wall(**known(Wall, wall)) for wall in fields.pop("walls")]
            return Health(walls=walls, **known(Health, fields))
        except InterpreterUnavailable as error:
            return Health(False, "off", error.reason, walls=[], sessions=0, warm=0)
        except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError) as error:
            return Health(False, "off", _no_answer(error), walls=[], sessions=0, warm=0)

    async def packages(self) -> list[str]:
        """``name version`` of what code may import. They stay as they are until all is started
        anew, so they are asked for until they are known. Never raises.
        """
        if not self._packages:
            self._packages = (await self.health()).packages
        return self._packages

    async def execute(
        self, session: str, code: str, inputs: Sequence[InputFile], *, deadline: float
    ) -> AsyncGenerator[Output, None]:
        """Run `code` in a session and yield what it gives, as it comes; the last is Ended.

        `session` is any plain word, as the id of a thread. `deadline` is how long the code may run,
        in seconds from its start; waiting for earlier calls of the session does not count. Closing
        the generator or cancelling its task interrupts the code and keeps the variables. Raises
        InterpreterUnavailable before anything was run. Nothing is run twice: a call that may have
        begun ends as one that was cut off.
        """
        asked = {"code": code, "inputs": [one.id for one in inputs], "deadline": deadline}
        until = time.monotonic() + self._patience
        sent = 0
        while sent < _ATTEMPTS:
            is_asked = True
            try:
                async with self._connection().post(
                    f"/sessions/{session}/execute", json=asked
                ) as response:
                    if response.status == 409:
                        missing = (await response.json())["missing"]
                        is_asked = False
                    else:
                        await _raise_for(response)
                        async for output in self._outputs(response):
                            yield output
                        return
                for one in inputs:
                    if one.id in missing:
                        await self._send(session, one)
                sent += 1
            except aiohttp.ClientConnectionError as error:
                if is_asked and not self._has_run_nothing(error):
                    yield Ended("died", _CUT_OFF)
                    return
                # The process is kept running, so it will be back.
                if time.monotonic() >= until or _is_refused(error):
                    raise _unavailable(error) from error
                await asyncio.sleep(_RETRY_SECONDS)
            except aiohttp.ClientError as error:
                raise _unavailable(error) from error
        raise InterpreterUnavailable("The session's files change faster than they can be sent.")

    def _has_run_nothing(self, error: aiohttp.ClientConnectionError) -> bool:
        """Whether a call that met with `error`, and had no answer, certainly has not begun: where
        there was no connection; and on this host, where an answer arrives before the code begins.
        """
        return isinstance(error, _NO_CONNECTION) or not isinstance(self._place, Remote)

    async def _outputs(self, response: aiohttp.ClientResponse) -> AsyncIterator[Output]:
        """The outputs in an answer. If it breaks off on this host, the process has ended, and its
        kernels too; else that may be the network's doing.
        """
        ended = False
        try:
            async for line in response.content:
                output = decode(line)
                ended = isinstance(output, Ended)
                yield output
        except (aiohttp.ClientError, OSError):
            pass
        if not ended:
            yield Ended("died", _CUT_OFF if isinstance(self._place, Remote) else _STOPPED)

    async def _send(self, session: str, one: InputFile) -> None:
        content = await asyncio.to_thread(one.open)
        try:
            async with self._connection().put(
                f"/sessions/{session}/inputs/{one.id}",
                params={"name": one.name},
                data=_chunks(content),
            ) as response:
                await _raise_for(response)
        finally:
            await asyncio.to_thread(content.close)

    async def fetch(self, session: str, output_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of an Image or SavedFile, piece by piece. They are kept for a quarter of an
        hour.

        Raises FileNotFoundError if they are gone, InterpreterUnavailable.
        """
        try:
            async with self._connection().get(
                f"/sessions/{session}/outputs/{output_id}"
            ) as response:
                if response.status == 404:
                    raise FileNotFoundError(output_id)
                await _raise_for(response)
                async for chunk in response.content.iter_chunked(_CHUNK):
                    yield chunk
        except aiohttp.ClientError as error:
            raise _unavailable(error) from error

    async def take(self, session: str, output_id: str, target: Path) -> None:
        """Move the bytes of an Image or SavedFile to `target`, over what is there; they cannot be
        fetched again.

        Nothing is copied where the process's folder is on the file system of `target`, else they
        are fetched. Raises as `fetch` does.
        """
        if not isinstance(self._place, Remote):
            place = await self._path_of(session, output_id)
            # Else it is on another file system; `fetch` says if it is gone.
            with contextlib.suppress(OSError):
                os.rename(place, target)  # noqa: PTH104 - a path of another process
                return
        with target.open("wb") as written:
            async for chunk in self.fetch(session, output_id):
                await asyncio.to_thread(written.write, chunk)
        # Otherwise it goes with the others, in a quarter of an hour.
        with contextlib.suppress(InterpreterUnavailable):
            await self._request("DELETE", f"/sessions/{session}/outputs/{output_id}")

    async def _path_of(self, session: str, output_id: str) -> str:
        """Where an output lies. Asked of a process on this host only: one elsewhere must not name
        files of ours.
        """
        try:
            async with self._connection().head(
                f"/sessions/{session}/outputs/{output_id}"
            ) as response:
                if response.status == 404:
                    raise FileNotFoundError(output_id)
                await _raise_for(response)
                return unquote(response.headers[OUTPUT_PATH])
        except aiohttp.ClientError as error:
            raise _unavailable(error) from error

    async def interrupt(self, session: str) -> None:
        """Stop the call that runs in a session, if one does. Variables stay. Raises
        InterpreterUnavailable.
        """
        await self._request("POST", f"/sessions/{session}/interrupt")

    async def close(self, session: str) -> None:
        """End a session and remove its files. Raises InterpreterUnavailable."""
        await self._request("DELETE", f"/sessions/{session}")

    async def sessions(self, untouched: float = DAY) -> list[str]:
        """The ids of the sessions whose files are kept and that no call has used for `untouched`
        seconds. Raises InterpreterUnavailable.

        What a lost `close` has left is among them: close those whose owner is gone.
        """
        try:
            async with self._connection().get(
                "/sessions", params={"untouched": str(untouched)}
            ) as response:
                await _raise_for(response)
                found: list[str] = (await response.json())["sessions"]
                return found
        except aiohttp.ClientError as error:
            raise _unavailable(error) from error

    async def _request(self, method: str, path: str) -> None:
        try:
            async with self._connection().request(method, path) as response:
                await _raise_for(response)
        except aiohttp.ClientError as error:
            raise _unavailable(error) from error


async def _chunks(content: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(content.read, _CHUNK):
        yield chunk


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    try:
        reason = json.loads(await response.text())["reason"]
    except (ValueError, KeyError, TypeError):
        reason = f"The code interpreter failed with status {response.status}."
    off = "It is switched off on this server, whose settings page says why."
    if response.status == 401:
        reason = f"{reason} INTERPRETER_TOKEN here has to be what its --token-file holds."
    raise InterpreterUnavailable(str(reason), shown=off if response.status in {401, 503} else None)


def _is_refused(error: aiohttp.ClientConnectionError) -> bool:
    """Whether it is over a certificate, and so stays as it is."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError)


def _unavailable(error: Exception) -> InterpreterUnavailable:
    return InterpreterUnavailable(
        _no_answer(error), shown="Its process does not answer. Try again in a while."
    )


def _no_answer(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            f"The code interpreter's certificate is refused ({error.certificate_error}). "
            "INTERPRETER_CA has to hold who signed it, and INTERPRETER_URL a name that is in it."
        )
    what = str(error) or type(error).__name__
    return f"The code interpreter's process does not answer ({what}). Is it running?"

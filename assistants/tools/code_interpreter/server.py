"""The interpreter process.

    python -m assistants.tools.code_interpreter.server --socket PATH --sessions DIR --python PYTHON

Owns every kernel, and speaks HTTP on a Unix socket that only its own user may open. For a service
on another host it does so over TLS as well, where every request needs a token:

    ... --listen 0.0.0.0:8443 --certificate FILE --key FILE --token-file FILE

`client.py` is the other end:

    GET    /health                              what `Health` holds
    GET    /healthz, /readyz                    {"status"}: whether code can run; whether the
                                                process answers. The two that need no token
    GET    /metrics                             numbers for Prometheus, see `numbers.py`
    GET    /sessions?untouched=<seconds>        {"sessions": [id]}: those on disk that no call has
                                                used for so long
    POST   /sessions/<session>/execute          {"code", "inputs": [file id], "deadline": seconds};
                                                answers a line of JSON per output,
                                                or 409 {"missing": [file id]}
    PUT    /sessions/<session>/inputs/<file id>?name=   the bytes of an input
    GET    /sessions/<session>/outputs/<id>     the bytes of an output; on the Unix socket,
                                                `Output-Path` says where they lie
    DELETE /sessions/<session>/outputs/<id>     removes them
    POST   /sessions/<session>/interrupt        stops the call that runs
    DELETE /sessions/<session>                  ends it and removes its files

503 {"reason"} while the tool is off, 401 {"reason"} without the token. A caller that goes away
interrupts what it started. SIGHUP has the certificate read again, and does nothing without one.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import re
import signal
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from assistants import log_hooks
from assistants.tools.code_interpreter import numbers
from assistants.tools.code_interpreter.limits import MIB, Limits
from assistants.tools.code_interpreter.listening import (
    CannotListen,
    Network,
    listen_unix,
    network,
    token_needed,
)
from assistants.tools.code_interpreter.outputs import OUTPUT_PATH, encode
from assistants.tools.code_interpreter.session_folder import NoRoom
from assistants.tools.code_interpreter.sessions import Sessions
from assistants.tools.code_interpreter.tool import Settings, Tool

logger = logging.getLogger("assistants.tools.code_interpreter.server")

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_LARGEST_REQUEST: Final = 16 * MIB
_LONGEST_DEADLINE: Final = 24 * 3600.0
_CHUNK: Final = 256 * 1024
_CLOSING_SECONDS: Final = 5.0

_TOOL: Final = web.AppKey("tool", Tool)


def _refusal(kind: type[web.HTTPError], reason: str) -> web.HTTPError:
    return kind(text=json.dumps({"reason": reason}), content_type="application/json")


def _sessions(request: web.Request) -> Sessions:
    tool = request.app[_TOOL]
    if tool.sessions is None:
        raise _refusal(web.HTTPServiceUnavailable, tool.health().reason or "off")
    return tool.sessions


def _word(request: web.Request, part: str) -> str:
    """A part of the path that becomes a file name."""
    word = request.match_info[part]
    if _PLAIN_WORD.fullmatch(word) is None:
        raise _refusal(web.HTTPBadRequest, f"{word!r} is no id")
    return word


async def health(request: web.Request) -> web.Response:
    return web.json_response(dataclasses.asdict(request.app[_TOOL].health()))


async def healthz(request: web.Request) -> web.Response:
    """For strangers too, who learn no more than that."""
    ok = request.app[_TOOL].health().ok
    told = {"status": "ok" if ok else "no code can run"}
    return web.json_response(told, status=200 if ok else 503)


async def readyz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def metrics(request: web.Request) -> web.Response:
    told = numbers.told(request.app[_TOOL])
    return web.Response(body=told, headers={"Content-Type": numbers.FORMAT})


async def untouched(request: web.Request) -> web.Response:
    sessions = _sessions(request)
    try:
        seconds = float(request.query["untouched"])
    except (KeyError, ValueError) as error:
        raise _refusal(web.HTTPBadRequest, "untouched: seconds") from error
    found = await asyncio.to_thread(sessions.untouched, seconds)
    return web.json_response({"sessions": found})


async def execute(request: web.Request) -> web.StreamResponse:
    sessions = _sessions(request)
    try:
        asked = await request.json()
        code, inputs, deadline = asked["code"], list(asked["inputs"]), float(asked["deadline"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refusal(web.HTTPBadRequest, f"not a call: {error!r}") from error
    if not isinstance(code, str) or not 0 < deadline <= _LONGEST_DEADLINE:
        raise _refusal(web.HTTPBadRequest, "not a call: code or deadline")
    session = sessions.get(_word(request, "session"))
    if missing := session.folder.missing(inputs):
        return web.json_response({"missing": missing}, status=409)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async with contextlib.aclosing(session.execute(code, inputs, deadline)) as outputs:
        async for output in outputs:
            await response.write(encode(output))
    return response


async def put_input(request: web.Request) -> web.Response:
    session = _sessions(request).get(_word(request, "session"))
    input_id = _word(request, "input")
    content = request.content.iter_chunked(_CHUNK)
    try:
        await session.folder.put_input(input_id, request.query.get("name", input_id), content)
    except NoRoom as error:
        raise _refusal(web.HTTPConflict, str(error)) from error
    return web.Response(status=204)


async def get_output(request: web.Request) -> web.StreamResponse:
    session = _sessions(request).find(_word(request, "session"))
    path = session.folder.outputs.find(_word(request, "output")) if session else None
    if path is None:
        raise _refusal(web.HTTPNotFound, "no such output")
    # A path means something on this host only.
    here = {} if request.secure else {OUTPUT_PATH: quote(str(path))}
    return web.FileResponse(path, chunk_size=_CHUNK, headers=here)


async def remove_output(request: web.Request) -> web.Response:
    if (session := _sessions(request).find(_word(request, "session"))) is not None:
        session.folder.outputs.remove(_word(request, "output"))
    return web.Response(status=204)


async def interrupt(request: web.Request) -> web.Response:
    if (session := _sessions(request).find(_word(request, "session"))) is not None:
        session.interrupt()
    return web.Response(status=204)


async def remove(request: web.Request) -> web.Response:
    await _sessions(request).remove(_word(request, "session"))
    return web.Response(status=204)


def application(tool: Tool, token: str | None = None) -> web.Application:
    """The HTTP face of `tool`, for whoever has `token`; None where the socket keeps others away."""
    app = web.Application(
        client_max_size=_LARGEST_REQUEST, middlewares=[token_needed(token)] if token else []
    )
    app[_TOOL] = tool
    app.router.add_get("/health", health)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/sessions", untouched)
    app.router.add_post("/sessions/{session}/execute", execute)
    app.router.add_put("/sessions/{session}/inputs/{input}", put_input)
    app.router.add_get("/sessions/{session}/outputs/{output}", get_output)
    app.router.add_delete("/sessions/{session}/outputs/{output}", remove_output)
    app.router.add_post("/sessions/{session}/interrupt", interrupt)
    app.router.add_delete("/sessions/{session}", remove)
    return app


async def serve(tool: Tool, path: Path, reached: Network | None = None) -> None:
    """Until SIGTERM or SIGINT. Raises CannotListen."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, over.set)
    # All that may be wrong with it is known before a kernel starts.
    tls = reached.tls() if reached else None
    network_socket = reached.listen() if reached else None
    loop.add_signal_handler(signal.SIGHUP, _load_again, reached, tls)
    await tool.start()
    tool.log_state()
    runners = []
    if reached and tls and network_socket:
        runners.append(await _runner(application(tool, reached.token)))
        await web.SockSite(runners[0], network_socket, ssl_context=tls).start()
        logger.info("listening on %s port %s, with TLS", reached.host, reached.port)
    runners.append(await _runner(application(tool)))
    await web.SockSite(runners[-1], listen_unix(path)).start()
    logger.info("listening on %s", path)
    await over.wait()
    try:
        async with asyncio.timeout(_CLOSING_SECONDS):
            await tool.close()
    except TimeoutError:
        logger.warning("not everything could be closed; the kernels end with this process")
    await asyncio.gather(*(runner.cleanup() for runner in runners))


async def _runner(app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    return runner


def _load_again(reached: Network | None, tls: ssl.SSLContext | None) -> None:
    """What SIGHUP does, which would end a process that does not care for it."""
    if reached is None or tls is None:
        logger.info("SIGHUP: there is no certificate to read again")
        return
    try:
        reached.renew(tls)
    except CannotListen as error:
        logger.error("the certificate stays as it was: %s", error)
    else:
        logger.info("the certificate was read again")


class _JsonFormatter(logging.Formatter):
    """As playground.logs has it for the other processes, which this one knows nothing of."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _set_up_logging() -> None:
    handler = logging.StreamHandler()
    if os.environ.get("LOG_FORMAT") == "json":
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=os.environ.get("LOG_LEVEL", "info").upper())
    if os.environ.get("LOG_FORMAT") == "json":
        log_hooks.take_over()


def parser() -> argparse.ArgumentParser:
    """The arguments of the server, and of `check.py`."""
    limits = Limits()
    parse = argparse.ArgumentParser(description="The code interpreter's own process.")
    parse.add_argument(
        "--socket", type=Path, required=True, help="where to listen; at most 80 bytes"
    )
    parse.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="listen here too, with TLS, for a service on another host; needs the next three",
    )
    parse.add_argument("--certificate", type=Path, help="in PEM, with those between it and its CA")
    parse.add_argument("--key", type=Path, help="of the certificate, in PEM, without a passphrase")
    parse.add_argument("--token-file", type=Path, help="what each request has to carry")
    parse.add_argument("--sessions", type=Path, required=True, help="where the sessions' files are")
    parse.add_argument("--python", type=Path, required=True, help="python of the sandbox's venv")
    parse.add_argument("--bubblewrap", help="the bwrap program; looked for on PATH if not given")
    parse.add_argument("--warm", type=int, default=2, help="kernels to keep ready (2)")
    parse.add_argument(
        "--idle", type=float, default=3600, help="seconds after which a kernel ends (3600)"
    )
    parse.add_argument("--kernels", type=int, default=20, help="kernels in use at most (20)")
    parse.add_argument(
        "--patience",
        type=float,
        default=60,
        help="seconds that a call waits for a kernel when all are in use (60)",
    )
    parse.add_argument(
        "--memory", type=int, default=limits.memory // MIB, help="MB of memory for a session (1024)"
    )
    parse.add_argument(
        "--disk", type=int, default=limits.disk // MIB, help="MB of disk for a session (2048)"
    )
    parse.add_argument(
        "--cpus", type=float, default=limits.cpus, help="processors for a session (all)"
    )
    parse.add_argument("--cgroup", type=Path, help="where to make cgroups; the server's own")
    parse.add_argument(
        "--spare",
        type=int,
        help="MB of free memory below which idle kernels end (a tenth of all, 2048 at most)",
    )
    return parse


def settings(arguments: argparse.Namespace) -> Settings:
    """What the arguments say."""
    return Settings(
        runtime=arguments.socket.absolute().parent / f"{arguments.socket.name}.d",
        root=arguments.sessions.absolute(),
        python=arguments.python.absolute(),
        bubblewrap=arguments.bubblewrap,
        warm=arguments.warm,
        idle=arguments.idle,
        kernels=arguments.kernels,
        patience=arguments.patience,
        cgroup=arguments.cgroup,
        spared=None if arguments.spare is None else arguments.spare * MIB,
        limits=Limits(
            memory=arguments.memory * MIB, disk=arguments.disk * MIB, cpus=arguments.cpus
        ),
    )


def reached_at(arguments: argparse.Namespace) -> Network | None:
    """Where other hosts reach the process, or None. Raises CannotListen."""
    needed = (arguments.certificate, arguments.key, arguments.token_file)
    if not any((arguments.listen, *needed)):
        return None
    if not all((arguments.listen, *needed)):
        raise CannotListen("--listen, --certificate, --key and --token-file go together.")
    return network(arguments.listen, *needed)


def main() -> int:
    _set_up_logging()
    arguments = parser().parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until `serve` knows what to do about it
    path = arguments.socket.absolute()
    try:
        reached = reached_at(arguments)
        asyncio.run(serve(Tool(settings(arguments)), path, reached))
    except CannotListen as error:
        logger.error("%s", error)
        return 1
    path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The first program in a sandbox: sets its limits, makes sure of its walls, becomes an IPython
kernel.

Runs on the sandbox's own Python, with ipykernel. Input: one JSON object {"rlimits": {name:
number}, "sockets": {channel: descriptor}, "key": str}. The sockets are listening Unix sockets that
the server made: no name for them exists in here that code could take away and point elsewhere.
"""

# mypy: disable-error-code="import-not-found,import-untyped,misc,no-any-return,union-attr"

import contextlib
import ctypes
import json
import logging
import os
import pathlib
import resource
import runpy
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

MAX_MESSAGE = 8 * 1024 * 1024  # bytes; the server cuts the connection somewhat above
MAX_TEXT = 1_000_000  # characters of one text in a message that is too large
DISPLAYS = ("display_data", "execute_result", "update_display_data")
MAX_IMAGE = MAX_MESSAGE - 64 * 1024  # bytes in base64


class Room:
    """How much text each call may still give, in characters."""

    def __init__(self) -> None:
        self._left: dict[str, int] = {}

    def take(self, call: dict[str, Any], text: str) -> str:
        """As much of the text as there is room for, which then is taken.

        :param call: the header of the call's request
        """
        name = call.get("msg_id", "")
        left = self._left.get(name, MAX_TEXT)
        text = text[:left]
        self._left[name] = left - len(text)
        return text


class NothingKept(dict[int, list[Any]]):
    """In place of IPython's own record of all that was ever printed and displayed, which nobody
    reads and which would grow until the sandbox is full.
    """

    def __missing__(self, number: int) -> list[Any]:
        return []


def set_limits(rlimits: dict[str, int]) -> None:
    """Here and not before: the number of processes is counted within the user namespace that sets
    the limit.
    """
    for name, number in rlimits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (number, number))
    os.nice(5)  # the web pages come first


def check_walls() -> None:
    """Refuse to start without the two walls that this process can see at no cost."""
    prctl = ctypes.CDLL(None).prctl
    get_seccomp, filtered, get_no_new_privileges = 21, 2, 39
    if prctl(get_seccomp, 0, 0, 0, 0) != filtered:
        sys.exit("no system call filter")
    if prctl(get_no_new_privileges, 0, 0, 0, 0) != 1 or os.getuid() == 0:
        sys.exit("privileges were not dropped")


@contextlib.contextmanager
def last_words_to_the_server() -> Iterator[None]:
    """From here on nothing that is written reaches the server, except an error in this block."""
    errors = os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    try:
        yield
    except BaseException:
        os.write(errors, traceback.format_exc()[-2000:].encode())
        raise
    finally:
        os.close(errors)


def main() -> None:
    config = json.loads(sys.stdin.buffer.read())
    set_limits(config["rlimits"])
    check_walls()
    run_kernel(config["sockets"], config["key"].encode())


def run_kernel(descriptors: dict[str, int], key: bytes) -> None:
    # ipykernel loads the debugger if it can: a tenth of a second and 10 MB that nobody uses.
    sys.modules["debugpy"] = None  # type: ignore[assignment]

    import zmq
    from ipykernel import iostream
    from ipykernel.iostream import IOPubThread, OutStream
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell, ZMQShellDisplayHook
    from jupyter_client.session import Session
    from traitlets import Type
    from traitlets.config import Config

    OutStream.flush_interval = 0.1
    keep_warnings_short()
    runpy.run_path(str(pathlib.Path(__file__).with_name("fonts.py")))

    # Honest code may print, display or draw more than anybody will see. The rest is dropped here,
    # where it costs least; the server, which shows less still, says so.

    class BoundedOutput(OutStream):
        """What is printed is dropped as it is written: the thread that sends may lag behind by more
        than the sandbox's memory holds.
        """

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.room = Room()
            super().__init__(*arguments, **options)

        def write(self, string: str) -> int:
            fits = string
            if isinstance(string, str):  # ipykernel says what is wrong with anything else
                fits = self.room.take(self.parent_header, string)
            if fits:
                super().write(fits)
            return len(string)

    class BoundedSession(Session):
        room = Room()

        def serialize(self, msg: dict[str, Any], ident: Any = None) -> list[bytes]:
            shown = msg["content"].get("data") if msg["msg_type"] in DISPLAYS else None
            if shown and isinstance(text := shown.get("text/plain"), str):
                text = self.room.take(msg["parent_header"], text)
                msg = {**msg, "content": {**msg["content"], "data": {**shown, "text/plain": text}}}
            frames: list[bytes] = super().serialize(msg, ident)
            if sum(map(len, frames)) <= MAX_MESSAGE:
                return frames
            return super().serialize({**msg, "content": shortened(msg["content"])}, ident)

    iostream.OutStream = BoundedOutput

    class ForkedOutput(IOPubThread):
        """Output of forked processes comes over a Unix socket in /tmp, where ipykernel would use
        TCP.
        """

        _address = "ipc:///tmp/.forked-output"

        def _setup_pipe_in(self) -> None:
            from zmq.eventloop.zmqstream import ZMQStream

            self._pipe_uuid = os.urandom(16)
            pipe = self.socket.context.socket(zmq.PULL)
            pipe.linger = 0
            pipe.bind(self._address)
            self._pipe_in = ZMQStream(pipe, self.io_loop)
            self._pipe_in.on_recv(self._handle_pipe_msg)

        def _setup_pipe_out(self) -> tuple[Any, Any]:
            context = zmq.Context()
            pipe = context.socket(zmq.PUSH)
            pipe.linger = 3000
            pipe.connect(self._address)
            return context, pipe

    class DisplayHook(ZMQShellDisplayHook):
        def __call__(self, result: Any = None) -> None:
            if not is_part_of_plot(result):
                super().__call__(result)

    class Shell(ZMQInteractiveShell):
        displayhook_class = Type(DisplayHook)
        # Shell escapes without a terminal: their output comes through the captured descriptors.
        system = ZMQInteractiveShell.system_raw

        def ask_exit(self) -> NoReturn:
            """exit() and quit() end the code, not the session."""
            raise SystemExit

    class Kernel(IPythonKernel):
        shell_class = Type(Shell)

        def raw_input(self, prompt: str = "") -> NoReturn:
            raise RuntimeError(
                "input() is not available: this code runs unattended. "
                "Write the value into the code instead."
            )

        def getpass(self, prompt: str = "", stream: Any = None) -> NoReturn:
            self.raw_input(prompt)

    class Application(IPKernelApp):
        """Takes its sockets from the server; no heartbeat, no connection file."""

        def init_connection_file(self) -> None:
            self.session.key = key

        def write_connection_file(self, **kwargs: Any) -> None:
            return

        def init_heartbeat(self) -> None:
            return

        def init_crash_handler(self) -> None:
            return

        def _bind_socket(self, s: Any, port: int) -> int:
            for channel, descriptor in descriptors.items():
                if getattr(self, f"{channel}_socket", None) is s:
                    s.setsockopt(zmq.USE_FD, descriptor)
            # An unbounded queue: what the server has not read yet counts towards this sandbox, and
            # no message is dropped without a word.
            s.setsockopt(zmq.SNDHWM, 0)
            s.bind("ipc:///tmp/.unused")  # where there is a descriptor, it decides
            return 1

        def init_control(self, context: Any) -> None:
            from ipykernel.control import ControlThread
            from ipykernel.shellchannel import ShellChannelThread

            self.control_socket = context.socket(zmq.ROUTER)
            self.control_port = self._bind_socket(self.control_socket, 0)
            # The debugger's sockets, which the kernel wants to have, stay unconnected.
            self.debugpy_socket = context.socket(zmq.STREAM)
            self.debug_shell_socket = context.socket(zmq.DEALER)
            self.control_thread = ControlThread(daemon=True)
            self.shell_channel_thread = ShellChannelThread(context, daemon=True)

        def init_iopub(self, context: Any) -> None:
            self.iopub_socket = context.socket(zmq.XPUB)
            self.iopub_socket.linger = 1000
            self.iopub_port = self._bind_socket(self.iopub_socket, 0)
            self.configure_tornado_logger()
            self.iopub_thread = ForkedOutput(self.iopub_socket, pipe=True, session=self.session)
            self.iopub_thread.start()
            self.iopub_socket = self.iopub_thread.background_socket

    with last_words_to_the_server():
        application = Application.instance(
            session=BoundedSession(),
            kernel_class=Kernel,
            transport="ipc",
            connection_file="none",
            log_level=50,
            config=Config(
                {
                    "HistoryManager": {"enabled": False},
                    "InteractiveShell": {"cache_size": 0, "colors": "nocolor"},
                    "IPCompleter": {"use_jedi": False},
                }
            ),
        )
        application.initialize([])
        application.shell.history_manager.outputs = NothingKept()
    application.start()


def keep_warnings_short() -> None:
    """A warning is one line that names no file of the libraries, and matplotlib says once what it
    would say of a missing font for each piece of text.
    """
    warnings.formatwarning = lambda message, category, *_, **__: f"{category.__name__}: {message}\n"
    # What IPython tells people who end a program by sys.exit().
    warnings.filterwarnings("ignore", message="To exit: use")
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_known = message in said
        said.add(message)
        return not is_known

    logging.getLogger("matplotlib.font_manager").addFilter(is_new)


def shortened(value: Any) -> Any:
    """The content of a message with its longest parts cut or left out."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        return [shortened(item) for item in value[:1000]]
    if isinstance(value, dict) and "data" in value and isinstance(value["data"], dict):
        data = {
            mime: part[:MAX_TEXT] if mime == "text/plain" else part
            for mime, part in value["data"].items()
            if mime == "text/plain" or fits(mime, part)
        }
        if not data.keys() & {"image/png", "image/jpeg"} and value["data"].keys() & {
            "image/png",
            "image/jpeg",
        }:
            data["text/plain"] = "[image not shown: it is larger than 6 MB]"
        return {**value, "data": data}
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return value


def fits(mime: str, part: Any) -> bool:
    limit = MAX_IMAGE if mime.startswith("image/") else MAX_TEXT
    return not isinstance(part, str) or len(part) <= limit


def is_part_of_plot(result: Any) -> bool:
    """Whether a result is what a drawing call returned: matplotlib's own objects, or a collection
    of them.
    """
    if type(result).__module__.partition(".")[0] == "matplotlib":
        return type(result).__name__ != "Figure"
    if isinstance(result, (list, tuple)) and result:
        return any(is_part_of_plot(item) for item in result[:3])
    return (
        type(result).__module__ == "numpy"
        and getattr(result, "dtype", None) is not None
        and result.dtype.kind == "O"
        and (result.size > 0 and is_part_of_plot(result.flat[0]))
    )


if __name__ == "__main__":
    main()

"""Traps for what runs later: the next kernel of the session, the next call, the server itself."""

import asyncio
import time
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import watch
from assistants.tools.code_interpreter.client import Interpreter
from tests.tools.code_interpreter.interpreter_process import InterpreterProcess, Session
from tests.tools.code_interpreter.own_sessions import own_sessions, run

MARK = "import builtins; builtins.trapped = True"

# A file that something might read at its start, by its path, and what is in it.
TRAPS = {
    "sitecustomize": ("/mnt/data/sitecustomize.py", MARK),
    "usercustomize": ("/mnt/data/usercustomize.py", MARK),
    "usercustomize at home": (
        "/tmp/.local/lib/python3.11/site-packages/usercustomize.py",
        MARK,
    ),
    "a path file": ("/mnt/data/trap.pth", MARK),
    "a path file at home": ("/tmp/.local/lib/python3.11/site-packages/trap.pth", MARK),
    "a library that the kernel loads": ("/mnt/data/zmq.py", MARK),
    "the kernel's own module": ("/mnt/data/ipykernel/__init__.py", MARK),
    "a module of Python's": ("/mnt/data/json.py", MARK),
    "what is loaded in advance": ("/mnt/data/numpy.py", MARK),
    "IPython's start": ("/tmp/.ipython/profile_default/startup/00.py", MARK),
    "IPython's start in the folder": ("/mnt/data/.ipython/profile_default/startup/00.py", MARK),
    "IPython's settings": (
        "/tmp/.ipython/profile_default/ipython_config.py",
        MARK,
    ),
    "the kernel's settings": ("/mnt/data/ipython_kernel_config.py", MARK),
    "Jupyter's settings": ("/tmp/.jupyter/jupyter_config.py", MARK),
    "a virtual environment": ("/mnt/data/pyvenv.cfg", "home = /mnt/data"),
    "matplotlib's list of fonts": ("/tmp/.matplotlib/fontlist-v390.json", "{'trap"),
    "a library to be loaded first": ("/mnt/data/ld.so.preload", "/mnt/data/trap.so"),
    "a library of the system's name": ("/mnt/data/libc.so.6", "trap"),
    "the shell's start": ("/tmp/.bashrc", "touch /mnt/data/trapped"),
    "a socket's name in the kernel's own folder": ("/tmp/.forked-output", "trap"),
}
LATER = """
import os, sys, ctypes, builtins
prctl = ctypes.CDLL(None).prctl
if getattr(builtins, 'trapped', False): print('THROUGH: it was run at the start')
if os.path.exists('/mnt/data/trapped'): print('THROUGH: a shell has run it')
if path.startswith('/tmp/') and os.path.isfile(path): print('THROUGH: /tmp is the old one')
if prctl(21, 0, 0, 0, 0) != 2 or prctl(39, 0, 0, 0, 0) != 1: print('THROUGH: fewer walls')
if os.getuid() != 1000: print('THROUGH: another user')
if sys.prefix != '/opt/environment': print('THROUGH: another Python', sys.prefix)
print('TRIED')
"""


@pytest.mark.parametrize("name", TRAPS)
async def test_what_a_session_leaves_is_not_run_when_its_next_kernel_starts(
    session: Session, name: str
) -> None:
    path, content = TRAPS[name]
    laid = await session.run(
        f"import os\npath = {path!r}\nos.makedirs(os.path.dirname(path), exist_ok=True)\n"
        f"if os.path.exists(path): os.remove(path)\n"
        f"open(path, 'w').write({content!r}); print(os.path.exists(path))"
    )
    assert laid.logs == "True\n"
    assert (await session.run("os.kill(os.getpid(), 9)")).end.outcome == "died"
    gave = await session.run(f"path = {path!r}\n{LATER}")

    assert gave.logs == "TRIED\n"


async def test_how_plots_look_is_not_for_the_folder_to_say(session: Session) -> None:
    """It may, in the session that has the file: but that is no way to more than it has."""
    await session.run("open('/mnt/data/matplotlibrc', 'w').write('backend: module://trap')")
    await session.run("open('/mnt/data/trap.py', 'w').write('import os; mark = os.getuid()')")
    await session.run("import os; os.kill(os.getpid(), 9)")
    gave = await session.run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n"
        "import os; print(os.getuid())"
    )

    assert gave.logs.endswith("1000\n")


# Code that will not stop when it is told to, or makes the kernel deaf. It has a second.
DEAF = {
    "it ignores the interrupt": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "while True: pass",
    "it blocks all signals": "import signal, time\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(60)",
    "it catches everything": "import time\nwhile True:\n    try: time.sleep(60)\n"
    "    except BaseException: pass",
    "it stops itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "it stops everything in sight": "import os, signal; os.kill(-1, signal.SIGSTOP)",
    "it is in C": "import ctypes; ctypes.PyDLL(None).sleep(60)",
    "it counts without end": "10 ** 10 ** 9",
    "it never lets another thread run": "import sys; sys.setswitchinterval(1000)\n"
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "it closes all it has open": "import os; os.closerange(0, 512); import time; time.sleep(60)",
    "it is another program by now": "import os; os.execv('/usr/bin/sleep', ['sleep', '60'])",
    "it goes by alarm": "import signal, time; signal.alarm(1); time.sleep(60)",
    "it takes its own limits away": "import resource\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))\n"
    "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\nwhile True: pass",
    "it takes its own processor time away": "import resource\n"
    "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
    "it takes its own memory away": "import resource\n"
    "resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))\nx = [bytes(10**7) for _ in 'ab']",
    "it takes the lowest priority": "import os; os.nice(19)\n"
    "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass",
    "it ends the kernel's loop": "get_ipython().kernel.io_loop.stop()",
    "it shuts the kernel down": "get_ipython().kernel.do_shutdown(False)",
    "it asks itself to shut down": "k = get_ipython().kernel\n"
    "k.session.send(k.control_stream, 'shutdown_request', {'restart': False})",
    "it puts another kernel in the kernel's place": "import asyncio\n"
    "k = get_ipython().kernel\n"
    "async def deaf(*a, **k): await asyncio.sleep(60)\n"
    "k.do_execute = deaf; k.interrupt_request = deaf",
    "it leaves by the back door": "import os; os._exit(0)",
    "it crashes": "import os; os.abort()",
    "it recurses in C": "import ctypes\nf = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: f())\nf()",
    "it forks and lets the child answer": "import os\nif os.fork(): os._exit(0)\nwhile True: pass",
    "it is in a folder that is gone": "import os; os.mkdir('d'); os.chdir('d'); os.rmdir('../d')",
    "it lets nobody read its folder": "import os; os.chmod('/mnt/data', 0); os.umask(0o777)",
}


@pytest.mark.parametrize("name", DEAF)
async def test_a_kernel_that_was_made_deaf_is_ended_and_the_session_goes_on(
    session: Session, name: str
) -> None:
    began = time.monotonic()
    first = await session.run(DEAF[name], deadline=1)
    assert time.monotonic() - began < 8
    # What the first has done may show only in the next call, which then has a deadline too.
    second = await session.run("1 + 1", deadline=1)
    assert time.monotonic() - began < 16
    third = await session.run("1 + 1")

    assert first.end.outcome in ("ok", "error", "deadline", "died")
    assert "2\n" in second.logs + third.logs
    assert third.logs.endswith("2\n"), (first, second, third)


async def test_what_runs_on_in_the_background_ends_with_the_session(client: Interpreter) -> None:
    async with own_sessions() as sessions:
        await run(
            sessions,
            "thread",
            "import os, signal, time\nfor _ in range(3):\n    if os.fork() == 0:\n"
            "        os.setsid()\n        if os.fork(): os._exit(0)\n"
            "        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
            "        time.sleep(600)\n",
        )
        kernel = sessions.get("thread")._kernel
        assert kernel is not None
        left = kernel.running.processes()
        assert len(left) >= 5
        await sessions.remove("thread")
        assert not any(map(watch.is_there, left))


async def test_files_sent_to_the_server_are_not_kept_open_by_it(
    session: Session, process: InterpreterProcess
) -> None:
    def held() -> int:
        return len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))

    await session.run("1")
    before = held()
    gave = await session.run(
        """
import array, os, socket, stat
file = os.open('/tmp/x', os.O_RDWR | os.O_CREAT)
sent = 0
for descriptor in range(3, 256):
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode): continue
        connection = socket.socket(fileno=os.dup(descriptor)); connection.setblocking(False)
        for _ in range(20):
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file] * 10))]
            connection.sendmsg([b'x'], rights); sent += 1
    except OSError: pass
print(sent)
""",
        deadline=2,
    )
    await asyncio.sleep(0.3)

    assert gave.end.outcome in ("ok", "died", "deadline", "error")
    assert held() <= before + 5
    assert (await session.run("1 + 1")).logs.endswith("2\n")

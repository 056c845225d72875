"""Attempts to get out, to take too much, and to lie. Each says THROUGH if it got through, and TRIED
when it has run to its end.
"""

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest

from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable
from tests.tools.code_interpreter.interpreter_process import (
    ROOT,
    Gave,
    InterpreterProcess,
    Session,
    an_input,
)

# The numbers are those of x86-64.
SYSTEM_CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*arguments)
    if result >= 0: print('THROUGH', arguments, result)
"""

BLOCKED = {
    "files of the host": f"""
for path in ('/etc/shadow', '/etc/hostname', '/root', '/home', '/work', '/var', '/run', '/boot',
             {str(ROOT / "manage.py")!r}, '/proc/1/environ', '/proc/self/root/etc/shadow', '/sys',
             '/dev/mem', '/dev/kmsg', '/dev/vda', '/dev/sda', '/dev/fuse', '/dev/kvm',
             '/dev/vsock'):
    if os.path.exists(path): print('THROUGH', path)
""",
    "other sessions and the server's files": """
for at in ('/mnt', '/mnt/data/..', '/mnt/data/../..', '/tmp/..', '/dev/shm/../..'):
    names = set(os.listdir(at))
    if names & {'sessions', '.boxes', 'session.json', 'outputs', 'root', 'work', 'home'}:
        print('THROUGH', at, names)
""",
    "writing where it is read-only": """
import sys
places = ['/', '/usr', '/usr/bin', '/etc', '/dev', '/opt/kernel', '/opt/environment', '/mnt',
          *[p for p in sys.path if p.startswith('/')], os.path.dirname(sys.executable)]
for place in places:
    try: open(place + '/x', 'w'); print('THROUGH', place)
    except OSError: pass
try: os.remove('/opt/kernel/boot.py'); print('THROUGH')
except OSError: pass
""",
    "the environment of the host": """
known = {'PATH', 'LD_LIBRARY_PATH', 'HOME', 'LANG', 'PYTHONDONTWRITEBYTECODE', 'MPLBACKEND',
         'MPLCONFIGDIR', 'MATPLOTLIBRC', 'IPYTHONDIR', 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS',
         'MALLOC_ARENA_MAX', 'PWD', 'LC_CTYPE'}
# These are what libraries set in their own process.
known |= {'TERM', 'CLICOLOR', 'CLICOLOR_FORCE', 'FORCE_COLOR', 'PAGER', 'GIT_PAGER',
          'JPY_PARENT_PID', 'PYDEVD_USE_FRAME_EVAL', 'KMP_DUPLICATE_LIB_OK', 'KMP_INIT_AT_FORK'}
for name in os.environ:
    if name not in known: print('THROUGH', name)
""",
    "open files of the server": """
import stat
for descriptor in range(3, 512):
    try: status = os.fstat(descriptor)
    except OSError: continue
    mode = status.st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        try: os.fchdir(descriptor); here = os.listdir()
        except OSError: continue
        finally: os.chdir('/mnt/data')
        print('THROUGH', descriptor, here)
""",
    "other processes": """
import signal
seen = []
for pid in range(2, 40000):
    if pid == os.getpid(): continue
    try: os.kill(pid, 0); seen.append(pid)
    except ProcessLookupError: pass
    except PermissionError: seen.append(pid)
# A thread of its own can be signalled as well.
if len(seen) > 40: print('THROUGH', seen)
try: os.kill(1, signal.SIGKILL)
except OSError: pass
""",
    "every family of sockets": """
import socket
for family in range(64):
    if family == socket.AF_UNIX: continue
    for kind in (1, 2, 3, 4, 5, 10):
        try: socket.socket(family, kind); print('THROUGH', family, kind)
        except OSError: pass
        try: socket.socketpair(family, kind); print('THROUGH', family, kind)
        except OSError: pass
""",
    "the network by its libraries": """
import socket, urllib.request
for act in (lambda: socket.create_connection(('127.0.0.1', 6379), 1),
            lambda: socket.create_connection(('169.254.169.254', 80), 1),
            lambda: socket.getaddrinfo('example.com', 80),
            lambda: urllib.request.urlopen('http://127.0.0.1:8000', timeout=1)):
    try: act(); print('THROUGH')
    except OSError: pass
""",
    "tracing and reading other processes": SYSTEM_CALL
    + """
for number in (101, 310, 311, 438, 312): call(number, 0, 1, 0, 0, 0)
""",
    "mounting and namespaces": SYSTEM_CALL
    + """
call(165, b'none', b'/tmp', b'tmpfs', 0, None)
call(428, -100, b'/', 0); call(429, 0, b'', 0, b'', 4); call(430, b'tmpfs', 0); call(442, 0, b'', 0)
call(155, b'.', b'.'); call(161, b'/tmp'); call(166, b'/mnt/data', 2)
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    call(272, flag)
    pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    if pid > 0: os.waitpid(pid, 0); print('THROUGH clone', hex(flag))
call(435, ctypes.create_string_buffer(88), 88); call(308, 0, 0)
""",
    "ways into the kernel": SYSTEM_CALL
    + """
for number in (321, 425, 426, 427, 298, 323, 248, 249, 250, 175, 313, 246, 320, 304, 303, 300, 29,
               68, 64, 240, 319, 447, 275, 276, 278, 172, 173, 103, 153, 167, 169, 179, 206, 251,
               253, 279, 256, 237, 238, 239, 444, 317, 450, 453, 454, 455, 456, 457, 462):
    call(number, 0, 0, 0, 0, 0, 0)
""",
    "the x32 and unknown calls": SYSTEM_CALL
    + """
for number in (0x40000000 | 39, 0x40000000 | 520, 0x40000000 | 521, 600, 1000, 0x7fffffff, -1):
    call(number, 0, 0, 0, 0, 0, 0)
""",
    "blinding the watch": SYSTEM_CALL
    + """
call(157, 4, 0, 0, 0, 0)       # PR_SET_DUMPABLE
call(157, 67, 1, 0, 0, 0)      # PR_SET_MEMORY_MERGE
call(157, 22, 0, 0, 0, 0)      # PR_SET_SECCOMP
""",
    "gaining privileges": """
import subprocess, pathlib
for program in ('su', 'sudo', 'mount', 'passwd', 'unshare', 'nsenter', 'newuidmap', 'pkexec'):
    done = subprocess.run(f'{program} -c id || {program} -Ur id || {program} id', shell=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    if b'uid=0' in done.stdout: print('THROUGH', program, done.stdout)
for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0),
            lambda: os.chown('/mnt/data', 0, 0), lambda: os.nice(-1), lambda: os.chroot('/tmp'),
            lambda: os.mknod('/tmp/null', 0o20666, os.makedev(1, 3)),
            lambda: os.setpriority(os.PRIO_PROCESS, 0, -10), lambda: os.sched_setscheduler(
                0, os.SCHED_FIFO, os.sched_param(1))):
    try: act(); print('THROUGH')
    except OSError: pass
""",
    "raising limits": """
import resource
for name in ('AS', 'NPROC', 'NOFILE', 'FSIZE', 'CORE', 'MEMLOCK'):
    kind = getattr(resource, f'RLIMIT_{name}')
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY: print('THROUGH', name)
    try: resource.setrlimit(kind, (hard + 1, hard + 1)); print('THROUGH', name)
    except (OSError, ValueError): pass
""",
    "terminals": """
import fcntl, termios
for act in (lambda: os.openpty(), lambda: open('/dev/tty'), lambda: open('/dev/console')):
    try: act(); print('THROUGH')
    except OSError: pass
for descriptor in (0, 1, 2):
    try: fcntl.ioctl(descriptor, termios.TIOCSTI, b'x'); print('THROUGH')
    except OSError: pass
""",
}


async def attempt(session: Session, code: str, *, deadline: float = 20) -> Gave:
    return await session.run(f"import os\n{code}\nprint('TRIED')", deadline=deadline)


@pytest.mark.parametrize("name", BLOCKED)
async def test_it_is_blocked(shared: Session, name: str) -> None:
    gave = await attempt(shared, BLOCKED[name])

    assert "THROUGH" not in gave.logs
    assert gave.logs.endswith("TRIED\n"), gave
    assert gave.end.outcome == "ok"


async def test_unix_sockets_of_the_host_cannot_be_reached(
    shared: Session, process: InterpreterProcess
) -> None:
    name = f"\0escape-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(name)
        abstract.listen()
        gave = await attempt(
            shared,
            f"import socket\nfor name in ({name!r}, {process.socket!r}, '/run/docker.sock'):\n"
            "    try: socket.socket(socket.AF_UNIX).connect(name); print('THROUGH', name)\n"
            "    except OSError: pass",
        )

    assert gave.logs == "TRIED\n"


async def test_the_i386_way_into_the_kernel_is_deadly(session: Session) -> None:
    gave = await attempt(
        session,
        "import ctypes, mmap, signal\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    page = mmap.mmap(-1, 4096, prot=7)\n"
        "    page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')\n"
        "    ctypes.CFUNCTYPE(ctypes.c_int)(\n"
        "        ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n"
        "    os._exit(0)\n"
        "print(os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGSYS)",
    )

    assert "True" in gave.logs


async def test_ending_everything_it_can_see_ends_only_itself(
    session: Session, shared: Session, process: InterpreterProcess
) -> None:
    await shared.run("alive = True")
    gave = await session.run("import os\ntry: os.kill(-1, 9)\nfinally: os.kill(0, 9)")

    assert gave.end.outcome == "died"
    assert process.process.poll() is None
    assert (await shared.run("alive")).logs == "True\n"


async def test_a_fork_bomb_stops_at_its_own_limit(
    session: Session, shared: Session, process: InterpreterProcess
) -> None:
    await shared.run("1")
    running = asyncio.create_task(
        session.run(
            "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", deadline=2
        )
    )
    await asyncio.sleep(1)
    began = time.monotonic()
    assert (await shared.run("1 + 1", deadline=5)).logs == "2\n"  # others go on
    assert time.monotonic() - began < 4
    gave = await running

    assert gave.end.outcome in ("deadline", "died")
    assert (await session.run("1 + 1")).logs == "2\n"


async def test_a_huge_allocation_is_refused_and_the_variables_stay(session: Session) -> None:
    await session.run("x = 1")
    gave = await session.run("import numpy\nbig = numpy.ones(10 * 1024**3 // 8)")
    assert "MemoryError" in gave.logs

    assert (await session.run("x")).logs == "1\n"


MANY_PROCESSES = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        held = bytearray(b'x') * 50_000_000; time.sleep(60)
time.sleep(60)
"""
ORPHAN = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = []
        while True: held.append(bytearray(b'x') * 20_000_000)
    os._exit(0)
time.sleep(60)
"""

TAKES_TOO_MUCH = {
    "memory, bit by bit": (
        "held = []\nwhile True: held.append(bytearray(b'x') * 20_000_000)",
        "MB of memory",
    ),
    "memory, in many processes": (MANY_PROCESSES, "MB of memory"),
    "memory, in an orphan": (ORPHAN, "MB of memory"),
    "disk": (
        "n = 0\nwhile True:\n    n += 1\n    open(f'{n}.bin', 'wb').write(bytes(10_000_000))",
        "wrote more than 100 MB",
    ),
    "disk, in /tmp": (
        "n = 0\nwhile True:\n    n += 1\n    open(f'/tmp/{n}', 'wb').write(bytes(10_000_000))",
        "wrote more than 100 MB",
    ),
    "disk, in /dev/shm": (
        "n = 0\nwhile True:\n    n += 1\n    open(f'/dev/shm/{n}', 'wb').write(bytes(10_000_000))",
        "wrote more than 100 MB",
    ),
    "names": (
        "n = 0\nwhile True:\n    n += 1\n    open(f'{n}', 'w').close()",
        "made more than 10,000 files",
    ),
    "folders in folders": (
        "import os\nwhile True:\n    os.mkdir('x' * 200); os.chdir('x' * 200)",
        "cannot be looked into",
    ),
}


@pytest.mark.parametrize("name", TAKES_TOO_MUCH)
async def test_taking_too_much_ends_the_session_and_says_why(session: Session, name: str) -> None:
    code, why = TAKES_TOO_MUCH[name]
    await session.run("open('kept.txt', 'w').write('kept');")
    began = time.monotonic()
    gave = await session.run(code, deadline=25)

    assert gave.end.outcome == "died"
    assert why in gave.note
    assert time.monotonic() - began < 15
    after = await session.run("import os\nprint(open('kept.txt').read(), len(os.listdir()) < 20)")
    assert after.logs == "kept True\n", "what the call wrote is taken back, earlier files stay"


async def test_one_file_cannot_be_larger_than_the_files_api_takes(session: Session) -> None:
    gave = await session.run(
        "with open('large', 'wb') as large:\n    large.truncate(600 * 1024**2)"
    )

    assert "File too large" in gave.logs
    assert gave.end.outcome == "error"


async def test_a_sparse_file_beyond_the_limit_is_no_way_to_fill_the_server(
    session: Session,
) -> None:
    gave = await session.run(
        "for n in range(3):\n    with open(f'{n}', 'wb') as f: f.truncate(300 * 1024**2)"
    )

    assert gave.end.outcome == "ok"
    assert not gave.files
    assert "larger than" in gave.note


async def test_only_plain_files_come_out(session: Session, process: InterpreterProcess) -> None:
    secret = process.folder / "secret"
    secret.write_text("a secret of the host")
    secret.chmod(0o644)
    gave = await attempt(
        session,
        f"""
import socket
os.symlink({str(secret)!r}, 'link')
os.symlink('/etc/passwd', 'passwd')
os.symlink('/opt/kernel', 'folder')
os.symlink('..', 'up')
os.mkfifo('fifo')
socket.socket(socket.AF_UNIX).bind('socket')
open('plain', 'w').write('plain')
open('twice', 'w').write('x'); os.link('twice', 'twice-again')
open('unreadable', 'w').write('x'); os.chmod('unreadable', 0)
open(b'\\xff\\xfe', 'w').write('x')
open('with\\nline', 'w').write('x')
open('\\u202egnp.exe', 'w').write('x')
open('<img src=x>.html', 'w').write('<script>')
""",
    )

    assert "TRIED" in gave.logs
    offered = {Path(path).name for path in gave.files}
    assert {"plain", "<img src=x>.html"} <= offered
    assert not offered & {
        "link",
        "passwd",
        "folder",
        "up",
        "fifo",
        "socket",
        "twice",
        "twice-again",
    }
    assert not any("\n" in name for name in offered)
    assert "names that cannot be shown" in gave.note
    assert "no plain file" in gave.note


async def test_a_folder_in_the_place_of_an_input_is_refused_and_nothing_breaks(
    session: Session,
) -> None:
    await session.run("import os; os.mkdir('/mnt/data/file-1')")
    with pytest.raises(InterpreterUnavailable, match="folder"):
        await session.run("1", [an_input("file-1", "x", b"x")])
    assert (await session.run("1")).logs == "1\n"


FLOODS = {
    "one long line": "print('x' * 50_000_000)",
    "many lines": "for n in range(3_000_000): print(n)",
    "without end": "while True: print('x' * 1000)",
    "past Python": "import os\nwhile True: os.write(1, b'y' * 65536)",
    "as an error": "raise ValueError('x' * 5_000_000)",
    "as a value": "'x' * 5_000_000",
    "as a nested value": "[['x' * 1000] * 1000] * 10",
    "displayed": "from IPython.display import display\nfor _ in range(500): display('x' * 100_000)",
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_of_output_is_cut_and_says_so(
    client: Interpreter, process: InterpreterProcess, name: str
) -> None:
    flooded = Session(client, "flooded")
    gave = await flooded.run(FLOODS[name], deadline=2)

    assert len(gave.logs) < 250_000
    assert "truncated" in gave.logs
    assert gave.end.outcome in ("ok", "error", "deadline"), gave.note
    assert (await flooded.run("1 + 1")).logs.endswith("2\n")
    assert process.memory("VmRSS") < 200 * 1024  # KiB


async def test_what_was_printed_and_displayed_is_not_kept_in_the_session(session: Session) -> None:
    grown = (
        "import os, resource\n"
        "from IPython.display import display\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(1000): os.write(1, b'y' * 65536)\n"
        "for _ in range(300): display('x' * 200_000)\n"
        "open('/mnt/data/grown', 'w').write("
        "str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))"
    )
    assert (await session.run(grown)).end.outcome == "ok"
    kib = int((await session.run("print(open('/mnt/data/grown').read())")).logs)
    assert kib < 40 * 1024


async def test_a_flood_of_messages_ends_the_session(session: Session) -> None:
    gave = await session.run(
        "from IPython.display import display\nwhile True: display(1)", deadline=30
    )

    assert gave.end.outcome == "died"
    assert "messages in one call" in gave.note


async def test_output_that_is_no_text_becomes_text(shared: Session) -> None:
    gave = await shared.run(
        "import os\nos.write(1, bytes(range(256)))\nprint('\\x1b[31mred\\x1b[0m', '\\x00\\x07')\n"
        "print('\\x1b]0;title\\x07x')\nprint('50%\\r100%')"
    )

    gave.logs.encode()
    assert "red" in gave.logs
    assert "x\n100%\n" in gave.logs
    assert not any(ord(c) < 32 and c not in "\n\t" for c in gave.logs)


async def test_half_a_character_does_not_break_the_session(session: Session) -> None:
    await session.run("print('\\ud800')")

    assert (await session.run("1 + 1")).logs == "2\n"


FORGED = """
kernel = get_ipython().kernel
def send(kind, content):
    parent = kernel.get_parent('shell')
    kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
"""
LIES = {
    "wrong types": """
for content in ({'name': 1, 'text': 5}, {'text': None}, {'text': ['x']}, {}, {'text': {'a': 1}}):
    send('stream', content)
send('error', {'ename': 1, 'evalue': [], 'traceback': {'a': 1}})
send('error', {'traceback': [1, None]})
send('display_data', {'data': [1]}); send('display_data', {'data': {'image/png': 5}})
send('status', {'execution_state': []}); send('execute_reply', {'status': 5})
send('nonsense', {}); send('input_request', {'prompt': 'password?'})
""",
    "images that are none": """
import base64
script = base64.b64encode(b'<script>alert(1)</script>').decode()
send('display_data', {'data': {'image/png': script}})
send('display_data', {'data': {'image/png': '!!!'}})
send('display_data', {'data': {'image/svg+xml': '<svg onload=alert(1)>', 'text/html': '<b>'}})
""",
    "deep nesting": """
deep = []
for _ in range(400): deep = [deep]
send('stream', {'name': 'stdout', 'text': deep})
""",
    "frames that are no message": """
for frames in ([b''], [b'x'] * 3, [b'<IDS|MSG>'], [b'<IDS|MSG>', b'', b'{', b'{', b'{', b'{'],
               [b'<IDS|MSG>'] * 50, [bytes(1000)] * 8):
    kernel.iopub_thread.send_multipart(list(frames))
""",
}


@pytest.mark.parametrize("name", LIES)
async def test_a_forged_message_changes_nothing(session: Session, name: str) -> None:
    gave = await session.run(FORGED + LIES[name])

    assert gave.images == []
    assert "<script>" not in gave.logs
    assert "<svg" not in gave.logs
    assert gave.end.outcome in ("ok", "error")
    assert (await session.run("print('goes on')")).logs == "goes on\n"


async def test_a_message_beyond_all_bounds_costs_the_session_only(
    session: Session, shared: Session
) -> None:
    await shared.run("alive = True")
    gave = await session.run(
        FORGED + "kernel.iopub_thread.send_multipart([bytes(50_000_000)])\n"
        "import time; time.sleep(0.5)\nprint('unheard')",
        deadline=2,
    )

    assert gave.end.outcome in ("ok", "died", "deadline")
    assert "unheard" not in gave.logs
    assert (await shared.run("alive")).logs == "True\n"


async def test_saying_that_a_call_is_over_does_not_keep_the_next_one_from_its_deadline(
    session: Session,
) -> None:
    gave = await session.run(
        FORGED + "send('status', {'execution_state': 'idle'})\n"
        "kernel.session.send(kernel.shell_stream, 'execute_reply', {'status': 'ok'},\n"
        "    parent=kernel.get_parent('shell'), ident=kernel._parent_ident['shell'])\n"
        "import time; time.sleep(30)"
    )
    began = time.monotonic()
    after = await session.run("1", deadline=1)

    assert gave.end.outcome in ("ok", "error", "deadline")
    assert time.monotonic() - began < 8
    assert after.end.outcome in ("ok", "deadline", "died")

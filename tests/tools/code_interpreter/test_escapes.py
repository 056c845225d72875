"""Attempts to get out, to take too much, and to lie. Each says THROUGH if it got through, and TRIED
when it has run to its end.
"""

import asyncio
import os
import socket
import time

import pytest

from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable
from tests.tools.code_interpreter.attacks import ATTACKS
from tests.tools.code_interpreter.interpreter_process import (
    Gave,
    InterpreterProcess,
    Session,
    an_input,
)
from tests.tools.code_interpreter.own_sessions import ALLOW_ALL, own_sessions, run


async def attempt(session: Session, code: str, *, deadline: float = 20) -> Gave:
    return await session.run(f"import os\n{code}\nprint('TRIED')", deadline=deadline)


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_is_blocked(shared: Session, name: str) -> None:
    gave = await attempt(shared, ATTACKS[name])

    assert "THROUGH" not in gave.logs
    assert gave.logs.endswith("TRIED\n"), gave
    assert gave.end.outcome == "ok"


async def test_without_the_filter_most_ways_into_the_kernel_are_open() -> None:
    """So the attacks on it are real ones: they tell when it lets something through."""
    ways = [name for name in ATTACKS if name.startswith(("kernel", "sockets"))]
    async with own_sessions() as sessions:
        sessions._sandboxes._filter = ALLOW_ALL
        calls = [await run(sessions, "open", f"import os\n{ATTACKS[name]}") for name in ways]
    through = [name for name, gave in zip(ways, calls, strict=True) if "THROUGH" in gave.logs]

    assert len(through) > len(ways) / 2, through


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

SHARED = """
import mmap, os, time
for _ in range(20):
    held = mmap.mmap(-1, 40_000_000)
    if os.fork() == 0:
        held[:] = b'x' * len(held); time.sleep(60)
time.sleep(60)
"""
NAMELESS = """
import os, time
held = []
for _ in range(20):
    held.append(os.open('x', os.O_RDWR | os.O_CREAT)); os.remove('x')
    os.write(held[-1], bytes(10_000_000))
time.sleep(60)
"""
MAPPED = """
import mmap, os, time
held = []
for _ in range(20):
    with open('x', 'w+b') as file:
        os.remove('x')
        file.write(bytes(10_000_000)); file.flush()
        held.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
time.sleep(60)
"""
LINKS = """
import os
n = 0
while True:
    n += 1; open(f'{n}', 'w').close()
    for m in range(1000): os.link(f'{n}', f'{n}-{m}')
"""

TAKES_TOO_MUCH = {
    "memory, bit by bit": (
        "held = []\nwhile True: held.append(bytearray(b'x') * 20_000_000)",
        "MB of memory",
    ),
    "memory, in many processes": (MANY_PROCESSES, "MB of memory"),
    "memory, in an orphan": (ORPHAN, "MB of memory"),
    "memory, shared by processes": (SHARED, "MB of memory"),
    "disk, in files that are open and have no name": (NAMELESS, "wrote more than 100 MB"),
    "disk, in files that are mapped and have no name": (MAPPED, "wrote more than 100 MB"),
    "links": (LINKS, "made more than 10,000 files"),
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
    "names, quicker than any look": (
        "for n in range(20_000): open(f'{n}', 'w').close()",
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


async def test_too_many_files_take_none_of_earlier_calls_with_them(session: Session) -> None:
    names = [f"earlier-{number}" for number in range(20)]
    await session.run(f"for name in {names}: open(name, 'w').write(name)")

    gave = await session.run("for n in range(10**6): open(f'n{n}', 'w')", deadline=30)

    assert gave.end.outcome == "died"
    assert "files" in gave.note
    left = (await session.run("import os; print(sorted(os.listdir()))")).logs
    assert all(repr(name) in left for name in names)
    assert "'n0'" not in left


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

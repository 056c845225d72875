"""Attempts to have the server fetch, by way of an output, what is none; or too much of it."""

import os
from pathlib import Path

import pytest

from tests.tools.code_interpreter.interpreter_process import InterpreterProcess, Session, an_input

SECRET = "a secret of the host"

# Each leaves something named "bad", or several of that name with endings.
NEVER_OFFERED = {
    "a link to a file of the host": "os.symlink(secret, 'bad')",
    "a link to a file of the sandbox": "os.symlink('/etc/passwd', 'bad')",
    "a link to an honest output": "os.symlink('good', 'bad')",
    "a link to itself": "os.symlink('bad', 'bad')",
    "a link to a folder": "os.symlink('/opt/kernel', 'bad')",
    "a link to the folder above": "os.symlink('..', 'bad')",
    "a file behind a link": "os.mkdir('/tmp/d'); open('/tmp/d/bad', 'w').write('x')\n"
    "os.symlink('/tmp/d', 'folder')",
    "a link in a folder": "os.mkdir('d'); os.symlink(secret, 'd/bad')",
    "a second name of one file": "open('bad', 'w').write('x'); os.link('bad', 'bad.2')",
    "a second name kept elsewhere": "open('/mnt/data/bad', 'w').write('x')\n"
    "os.mkdir('.h'); os.link('bad', '.h/bad')",
    "a FIFO": "os.mkfifo('bad')",
    "a FIFO with somebody at its other end": "os.mkfifo('bad'); held = os.open('bad', os.O_RDWR)\n"
    "os.write(held, b'x' * 1000)",
    "a socket": "import socket; held = socket.socket(socket.AF_UNIX); held.bind('bad')",
    "a folder in the place of a file": "os.mkdir('bad')",
    "a file that is gone again": "open('bad', 'w').write('x'); os.remove('bad')",
    "a name of two lines": "open('bad\\nname', 'w').write('x')",
    "a name that is no text": "open(b'bad\\xff\\xfe', 'w').write('x')",
    "a name with half a character": "open(b'bad\\xed\\xa0\\x80', 'w').write('x')",
    "a name with terminal codes": "open('bad\\x1b[2J', 'w').write('x')",
    "a name with a carriage return": "open('bad\\r', 'w').write('x')",
    "a hidden file": "open('.bad', 'w').write('x')",
    "a file in a hidden folder": "os.mkdir('.d'); open('.d/bad', 'w').write('x')",
    "a sparse file beyond the limit": "\n".join(
        f"with open('bad.{n}', 'wb') as f: f.truncate(300 * 1024**2)" for n in range(3)
    ),
}


@pytest.mark.parametrize("name", NEVER_OFFERED)
async def test_what_is_no_plain_file_of_its_own_is_not_offered(
    session: Session, process: InterpreterProcess, name: str
) -> None:
    secret = process.folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    begin = f"import os\nsecret = {str(secret)!r}\nopen('good', 'w').write('good')\n"
    gave = await session.run(begin + NEVER_OFFERED[name] + "\nprint('TRIED')")

    assert gave.logs.endswith("TRIED\n"), gave.logs
    assert [Path(path).name for path in gave.files] == ["good"]
    assert await session.fetch(gave.files["/mnt/data/good"]) == b"good"


async def test_an_input_under_its_own_name_is_nothing_to_tell(session: Session) -> None:
    gave = await session.run(
        "print(open('table.csv').read())", [an_input("file-1", "table.csv", b"1")]
    )
    assert (gave.logs, gave.end.note) == ("1\n", None)


# Plain files, though odd ones: they are offered as they are.
OFFERED = {
    "a name that reads from right to left": ("'\u202egnp.exe'", b"MZ"),
    "a name that is markup": ("'<img src=x onerror=alert(1)>.html'", b"<script>alert(1)</script>"),
    "a name that looks like a path": ("'C:\\\\..\\\\..\\\\windows'", b"x"),
    "a name that is an option": ("'--help'", b"x"),
    "a name of three dots": ("'x...'", b"x"),
    "a name as long as there can be": ("'n' * 255", b"x"),
    "a drawing with a script": ("'a.svg'", b"<svg onload='alert(1)'/>"),
    "no image, whatever its name says": ("'a.png'", b"<script>alert(1)</script>"),
    "a file nobody may read": ("'closed'", b"x"),
}


@pytest.mark.parametrize("name", OFFERED)
async def test_an_odd_file_comes_out_byte_for_byte_and_as_a_file(
    session: Session, name: str
) -> None:
    path, content = OFFERED[name]
    gave = await session.run(
        f"import os\nname = {path}\nopen(name, 'wb').write({content!r})\n"
        "if name == 'closed': os.chmod(name, 0)"
    )
    if name == "a file nobody may read" and os.geteuid() != 0:
        assert gave.files == {}
        return

    assert len(gave.files) == 1, gave
    assert gave.images == []
    assert await session.fetch(next(iter(gave.files.values()))) == content


async def test_a_zip_bomb_is_only_stored(session: Session, process: InterpreterProcess) -> None:
    before = process.memory("VmHWM")
    gave = await session.run(
        "import zipfile\n"
        "with zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED) as bomb:\n"
        "    with bomb.open('zeros', 'w', force_zip64=True) as zeros:\n"
        "        for _ in range(300): zeros.write(bytes(1_000_000))"
    )
    bomb = gave.files["/mnt/data/bomb.zip"]

    assert bomb.size < 1_000_000
    assert len(await session.fetch(bomb)) == bomb.size
    assert process.memory("VmHWM") - before < 20 * 1024


async def test_thousands_of_files_are_kept_inside_and_fifty_are_offered(session: Session) -> None:
    gave = await session.run("for n in range(3000): open(f'{n}.txt', 'w').write('x')")

    assert len(gave.files) == 50
    assert "2950 more files were written" in gave.note


# Threads and processes that go on while the server lists, opens and copies.
MEANWHILE = """
import os, threading, time
def go_on():
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        try: act()
        except OSError: pass
def act(): pass
"""
RACES = {
    "a file that turns into a link": """
def act():
    open('new', 'w').write('plain'); os.replace('new', 'raced')
    os.symlink(secret, 'new'); os.replace('new', 'raced')
""",
    "a folder that turns into a link": """
os.makedirs('real/inner'); os.makedirs('d'); open('d/secret', 'w').write('plain')
def act():
    os.rename('d', 'e'); os.symlink(os.path.dirname(secret), 'd'); os.remove('d')
    os.rename('e', 'd')
""",
    "a file that grows": """
open('raced', 'wb').write(b'x' * 1000)
def act():
    with open('raced', 'ab') as grown: grown.write(b'x' * 1_000)
""",
    "a file that shrinks and grows": """
def act():
    open('raced', 'wb').write(b'x' * 5_000_000); os.truncate('raced', 0)
""",
    "a file that turns into a FIFO": """
def act():
    open('new', 'w').write('plain'); os.replace('new', 'raced')
    os.mkfifo('new'); os.replace('new', 'raced')
""",
    "folders that are moved about": """
os.makedirs('a/b/c'); open('a/b/c/raced', 'w').write('plain')
def act():
    os.rename('a/b', 'b'); os.rename('b', 'a/b'); os.rename('a', 'z'); os.rename('z', 'a')
""",
    "a file written through memory": """
import mmap
with open('raced', 'wb') as made: made.truncate(5_000_000)
mapped = mmap.mmap(os.open('raced', os.O_RDWR), 5_000_000)
def act():
    mapped[:] = os.urandom(1) * 5_000_000
""",
}


@pytest.mark.parametrize("name", RACES)
async def test_what_changes_while_it_is_fetched_is_harmless(
    session: Session, process: InterpreterProcess, name: str
) -> None:
    secret = process.folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    gave = await session.run(
        f"{MEANWHILE}\nsecret = {str(secret)!r}\n{RACES[name]}\n"
        "threading.Thread(target=go_on, daemon=True).start()\ntime.sleep(0.1)\nprint('TRIED')"
    )

    assert "TRIED" in gave.logs
    assert gave.end.outcome == "ok", gave.end
    for offered in gave.files.values():
        content = await session.fetch(offered)
        assert len(content) == offered.size <= 200 * 1024**2
        assert SECRET.encode() not in content
    assert (await session.run("print('goes on')")).logs == "goes on\n"


async def test_an_input_that_was_swapped_for_a_link_is_sent_anew_and_leads_nowhere(
    session: Session, process: InterpreterProcess
) -> None:
    secret = process.folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o666)
    given = an_input("file-1", "in.txt", b"sent")
    await session.run(
        f"import os\nos.remove('file-1'); os.symlink({str(secret)!r}, 'file-1')", [given]
    )
    gave = await session.run("import os; print(os.path.exists('file-1'))", [given])
    assert gave.logs == "False\n", "the link is there, and leads nowhere"
    await session.run("os.remove('file-1')")
    again = await session.run("print(open('file-1').read())", [given])

    assert again.logs == "sent\n"
    assert secret.read_text() == SECRET

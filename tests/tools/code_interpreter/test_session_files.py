"""Files that go into a session and come out of it."""

import asyncio
import errno
import itertools
from io import BytesIO
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import files, watch
from assistants.tools.code_interpreter.client import (
    Ended,
    InputFile,
    Interpreter,
    InterpreterUnavailable,
)
from assistants.tools.code_interpreter.limits import Limits
from tests.tools.code_interpreter.interpreter_process import (
    InterpreterProcess,
    Session,
    an_input,
)
from tests.tools.code_interpreter.own_sessions import own_sessions, run

CSV = b"a,b\n1,2\n"


async def test_an_input_is_there_under_its_id_and_its_name(session: Session) -> None:
    gave = await session.run(
        "import os\nprint(sorted(os.listdir()))\n"
        "print(open('/mnt/data/file-1').read() == open('/mnt/data/sales.csv').read())",
        [an_input("file-1", "sales.csv", CSV)],
    )

    assert gave.logs == "['file-1', 'sales.csv']\nTrue\n"
    assert gave.files == {}


async def test_a_name_that_two_inputs_share_means_the_newer_one(session: Session) -> None:
    first, second = an_input("file-1", "x.csv", b"1"), an_input("file-2", "x.csv", b"2")
    read = "import os\nprint(sorted(os.listdir()), open('x.csv').read())"

    assert (await session.run(read, [first])).logs == "['file-1', 'x.csv'] 1\n"
    gave = await session.run(read, [first, second])
    assert gave.logs == "['file-1', 'file-2', 'x.csv'] 2\n"
    assert gave.files == {}
    # As when the newer one has been deleted from the thread.
    assert (await session.run(read, [first])).logs.endswith("] 1\n")


async def test_a_file_of_that_name_which_the_code_made_stays(session: Session) -> None:
    await session.run("open('x.csv', 'w').write('made');")
    gave = await session.run("print(open('x.csv').read())", [an_input("file-1", "x.csv", b"1")])
    assert gave.logs == "made\n"


@pytest.mark.parametrize(
    "name, inside",
    [
        ("../../etc/passwd", "passwd"),
        ("a\nb\x00.csv", "ab.csv"),
        ("..", "file"),
        ("C:\\Users\\me\\Q1 report.xlsx", "Q1 report.xlsx"),
        ("größe 数据.csv", "größe 数据.csv"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    ],
)
async def test_a_name_becomes_a_plain_file_name(
    client: Interpreter, name: str, inside: str
) -> None:
    session = Session(client, "names")
    gave = await session.run(
        f"import os\nprint(open({inside!r}).read())", [an_input("file-1", name, b"content")]
    )
    await client.close("names")

    assert gave.logs == "content\n"


async def test_an_input_is_sent_once_unless_the_code_removed_it(session: Session) -> None:
    opened: list[str] = []

    def content() -> BytesIO:
        opened.append("")
        return BytesIO(CSV)

    given = InputFile("file-1", "sales.csv", len(CSV), content)
    await session.run("1", [given])
    await session.run("import os; os.remove('/mnt/data/file-1')", [given])
    assert len(opened) == 1

    gave = await session.run("print(open('sales.csv').read())", [given])
    assert len(opened) == 2
    assert gave.logs == "a,b\n1,2\n\n"


async def test_a_file_of_the_code_is_not_replaced_by_an_input_of_that_name(
    session: Session,
) -> None:
    await session.run("open('sales.csv', 'w').write('of the code')")
    gave = await session.run(
        "print(open('sales.csv').read(), open('file-1').read())",
        [an_input("file-1", "sales.csv", b"of the user")],
    )

    assert gave.logs == "of the code of the user\n"


async def test_an_input_goes_in_place_of_a_link_and_not_where_it_leads(
    session: Session, process: InterpreterProcess
) -> None:
    outside = process.folder / "outside"
    outside.write_text("untouched")
    outside.chmod(0o666)
    await session.run(f"import os; os.symlink({str(outside)!r}, '/mnt/data/file-1')")
    gave = await session.run("print(open('file-1').read())", [an_input("file-1", "x", b"sent")])

    assert gave.logs == "sent\n"
    assert outside.read_text() == "untouched"


async def test_new_and_changed_files_come_out_and_others_do_not(session: Session) -> None:
    given = [an_input("file-1", "sales.csv", CSV), an_input("file-2", "other.csv", CSV)]
    gave = await session.run(
        "import os\nopen('a.txt', 'w').write('one')\nos.makedirs('deep/er')\n"
        "open('deep/er/b.txt', 'w').write('two')\nos.mkdir('__pycache__')\n"
        "open('__pycache__/c.pyc', 'w').write('x')\nopen('.hidden', 'w').write('x')\n"
        "open('/tmp/elsewhere', 'w').write('x');",
        given,
    )
    assert sorted(gave.files) == ["/mnt/data/a.txt", "/mnt/data/deep/er/b.txt"]
    assert await session.fetch(gave.files["/mnt/data/a.txt"]) == b"one"
    assert gave.files["/mnt/data/deep/er/b.txt"].size == 3

    assert (await session.run("1")).files == {}

    gave = await session.run("open('a.txt', 'a').write('+');", given)
    assert list(gave.files) == ["/mnt/data/a.txt"]
    assert await session.fetch(gave.files["/mnt/data/a.txt"]) == b"one+"


async def test_an_input_of_a_later_call_does_not_come_out(session: Session) -> None:
    first, second = an_input("file-1", "a.csv", CSV), an_input("file-2", "b.csv", CSV)
    await session.run("1", [first])
    running = asyncio.create_task(session.run("import time; time.sleep(0.5)", [first]))
    await asyncio.sleep(0.2)

    assert (await session.run("1", [first, second])).files == {}
    assert (await running).files == {}


async def test_an_input_that_was_changed_comes_out_under_its_name(session: Session) -> None:
    gave = await session.run(
        "open('sales.csv', 'a').write('3,4\\n');", [an_input("file-1", "sales.csv", CSV)]
    )

    (changed,) = gave.files.values()
    assert changed.path == "/mnt/data/sales.csv"
    assert await session.fetch(changed) == CSV + b"3,4\n"


async def test_what_was_fetched_is_what_the_call_left_behind(session: Session) -> None:
    first = await session.run("open('a.txt', 'w').write('first');")
    await session.run("open('a.txt', 'w').write('second');")

    assert await session.fetch(first.files["/mnt/data/a.txt"]) == b"first"


async def test_files_written_before_an_error_or_a_deadline_come_out(session: Session) -> None:
    gave = await session.run("open('a.txt', 'w').write('x')\n1 / 0")
    assert list(gave.files) == ["/mnt/data/a.txt"]

    gave = await session.run("open('b.txt', 'w').write('x')\nwhile True: pass", deadline=0.5)
    assert list(gave.files) == ["/mnt/data/b.txt"]


async def test_very_many_files_are_not_all_offered_and_the_note_says_so(session: Session) -> None:
    gave = await session.run("for n in range(60): open(f'{n}.txt', 'w').close()")

    assert len(gave.files) == 50
    assert "10 more files were written" in gave.note


async def test_an_output_that_does_not_exist_is_not_found(session: Session) -> None:
    await session.run("1")
    for output_id in ("out_0", "session"):
        with pytest.raises(FileNotFoundError):
            await anext(session.client.fetch(session.name, output_id))
    for output_id in ("..%2Fsession.json", "session.json", ".."):
        with pytest.raises((FileNotFoundError, InterpreterUnavailable)):
            await anext(session.client.fetch(session.name, output_id))


async def test_an_output_is_taken_without_a_copy(
    session: Session, process: InterpreterProcess
) -> None:
    gave = await session.run("open('a.txt', 'w').write('one');")
    saved = gave.files["/mnt/data/a.txt"]
    outputs = process.sessions / session.name / "outputs"
    made = (outputs / saved.output_id).stat()

    # On the same file system, as the folder of the service's files is.
    target = process.folder / "taken"
    await session.client.take(session.name, saved.output_id, target)

    assert target.read_text() == "one"
    assert target.stat().st_ino == made.st_ino
    assert list(outputs.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        await session.client.take(session.name, saved.output_id, target)


async def test_an_output_is_fetched_where_it_cannot_be_taken(
    session: Session,
    process: InterpreterProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def elsewhere(*_: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    gave = await session.run("open('a.txt', 'w').write('one');")
    saved = gave.files["/mnt/data/a.txt"]
    with monkeypatch.context() as patch:
        patch.setattr("os.rename", elsewhere)
        await session.client.take(session.name, saved.output_id, tmp_path / "taken")

    assert (tmp_path / "taken").read_text() == "one"
    assert list((process.sessions / session.name / "outputs").iterdir()) == []


async def test_large_inputs_and_outputs_pass_at_constant_memory(
    session: Session, process: InterpreterProcess
) -> None:
    before = process.memory("VmHWM")
    size = 40 * 1024 * 1024
    gave = await session.run(
        "content = open('large.bin', 'rb').read()\nprint(len(content))\n"
        "open('copy.bin', 'wb').write(content);",
        [an_input("file-1", "large.bin", b"\xa5" * size)],
    )
    assert gave.logs == f"{size}\n"
    received = 0
    async for chunk in session.client.fetch(
        session.name, gave.files["/mnt/data/copy.bin"].output_id
    ):
        received += len(chunk)

    assert received == size
    assert process.memory("VmHWM") - before < 20 * 1024  # KiB


async def test_closing_a_session_removes_its_files(
    client: Interpreter, process: InterpreterProcess
) -> None:
    session = Session(client, "closed")
    await session.run("open('a.txt', 'w').write('x');")
    assert (process.sessions / "closed" / "data" / "a.txt").exists()
    await client.close("closed")

    assert not (process.sessions / "closed").exists()
    assert (await session.run("import os; os.listdir()")).outputs[-1] == Ended("ok", None)
    await client.close("closed")


MANY_AT_ONCE = """
import os
open('/mnt/data/0', 'w').close()
for n in range(11_000): os.link('/mnt/data/0', f'/mnt/data/{n}-')
"""


async def test_too_many_files_within_a_moment_end_the_call_that_made_them(
    session: Session,
) -> None:
    await session.run("open('kept.txt', 'w').write('kept');")
    gave = await session.run(MANY_AT_ONCE)

    assert gave.end.outcome == "died"
    assert "it made more than 10,000 files" in gave.note
    assert "so are the files that this call made or changed" in gave.note
    assert gave.files == {}
    after = await session.run("import os; print(os.listdir())")
    assert after.logs == "['kept.txt']\n"
    assert after.end.outcome == "ok"


async def test_what_a_thread_makes_too_much_of_after_its_call_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "_IDLE_SECONDS", 0.5)
    later = (
        "import threading\nopen('kept.txt', 'w').write('kept')\n"
        f"threading.Timer(0.3, exec, [{MANY_AT_ONCE!r}, {{}}]).start()"
    )
    async with own_sessions() as sessions:
        await run(sessions, "thread", later)
        kernel = sessions.get("thread")._kernel
        assert kernel is not None
        await asyncio.wait_for(kernel.running.wait(), 10)
        after = await run(sessions, "thread", "import os; print(os.listdir())")

    assert after.logs == "['kept.txt']\n"
    assert "it made more than 10,000 files" in after.note
    assert "made after its last call were removed" in after.note


async def test_taking_back_that_is_cut_short_loses_no_file_of_an_earlier_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when the server is killed meanwhile: the next one finds what is on the disk."""
    removed = itertools.count(1)
    remove = files._flatten

    def cut_short(folder: int, name: str) -> None:
        if next(removed) > 100:
            raise OSError(errno.EIO, "the server is gone")
        remove(folder, name)

    def make(name: str) -> str:
        return f"for n in range(300): open(f'{name}-{{n}}', 'w').close()"

    read = "open('kept.txt').read()"
    async with own_sessions(Limits(files=200)) as sessions:
        await run(sessions, "thread", "open('kept.txt', 'w').write('kept');")
        with monkeypatch.context() as patch:
            patch.setattr(files, "_flatten", cut_short)
            assert (await run(sessions, "thread", make("first"))).end.outcome == "died"
        data = sessions.get("thread").folder.data
        sessions._sessions.clear()

        assert (await run(sessions, "thread", read)).logs == "'kept'\n"
        assert len(list(data.iterdir())) == 201, "it was cut short"
        again = await run(sessions, "thread", make("second"))
        assert "so are the files that this call made" in again.note
        assert (await run(sessions, "thread", read)).logs == "'kept'\n"
        assert len(list(data.iterdir())) == 201


async def test_a_folder_that_has_too_much_in_it_is_left_alone_and_can_be_cleared() -> None:
    limits = Limits(files=100)
    async with own_sessions(limits) as sessions:
        data = sessions.get("thread").folder.data
        for number in range(300):
            (data / f"{number}.txt").write_text("x")
            sessions._sandboxes.give(data / f"{number}.txt")
        grown = await run(sessions, "thread", "for n in range(200): open(f'more-{n}', 'w').close()")
        assert grown.end.outcome == "died"
        assert len(list(data.iterdir())) == 300, "none that was there before is gone"

        cleared = await run(
            sessions,
            "thread",
            "import os, time\nfor n in range(295): os.remove(f'{n}.txt'); time.sleep(0.005)",
        )
        assert cleared.end.outcome == "ok"
        assert cleared.files == {}
        after = await run(sessions, "thread", "import os; print(len(os.listdir()))")
        assert after.logs == "5\n"


async def test_taking_back_what_a_call_made_keeps_odd_files_of_earlier_calls(
    session: Session,
) -> None:
    odd = "import os; open(b'bad\\xff', 'w').write('x'); os.symlink('/tmp', 'way'); os.mkfifo('f')"
    await session.run(odd)
    await session.run(MANY_AT_ONCE)

    after = await session.run("import os; print(sorted(os.listdir(b'.')))")
    assert after.logs == "[b'bad\\xff', b'f', b'way']\n"


async def test_inputs_that_came_since_the_last_call_survive_one_that_took_too_much(
    session: Session,
) -> None:
    opened: list[str] = []

    def content() -> BytesIO:
        opened.append("")
        return BytesIO(CSV)

    given = InputFile("file-1", "sales.csv", len(CSV), content)
    await session.run("1")
    assert (await session.run(MANY_AT_ONCE, [given])).end.outcome == "died"
    assert (await session.run("print(open('file-1').read())", [given])).logs == "a,b\n1,2\n\n"
    assert len(opened) == 1


# What is made, and what the call that made it says of it.
NOT_OFFERED = {
    "a name of two lines": (
        "open('a\\nb', 'w').close()",
        "1 file is not offered because its name cannot be shown: rename it.",
    ),
    "two such names": (
        "open('a\\nb', 'w').close(); open('a\\nc', 'w').close()",
        "2 files are not offered because their names cannot be shown: rename them.",
    ),
    "a hard link": (
        "open('a', 'w').close(); os.link('a', 'b')",
        "Not offered (hard links, several names of one file): a, b.",
    ),
    "a symbolic link": ("os.symlink('/tmp', 'a')", "Not offered (symbolic links): a."),
    "a pipe": ("os.mkfifo('a')", "Not offered (pipes, sockets or devices): a."),
    "many": (
        "for n in range(9): os.mkfifo(f'{n}')",
        "Not offered (pipes, sockets or devices): 0, 1, 2 and 6 more.",
    ),
}


@pytest.mark.parametrize("name", NOT_OFFERED)
async def test_a_file_that_is_not_offered_is_told_once_and_why(session: Session, name: str) -> None:
    code, told = NOT_OFFERED[name]
    given = [an_input("file-1", "sales.csv", CSV)]
    gave = await session.run(f"import os\n{code}", given)

    assert gave.note == told
    assert gave.end.outcome == "ok"
    assert (await session.run("1", given)).note == ""

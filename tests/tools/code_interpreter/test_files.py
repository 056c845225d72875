"""Reading and writing a folder that changes under one's hands."""

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import files

SECRET = b"a secret of the host"
RACE_SECONDS = 0.7


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(SECRET)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something over and over in another thread."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def fetch_over_and_over(data: Path, path: str) -> set[bytes]:
    """All contents that were ever fetched."""
    target, fetched = data.parent / "target", set()
    until = time.monotonic() + RACE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            files.copy_out(data, path, target, 1000)
            fetched.add(target.read_bytes())
        target.unlink(missing_ok=True)
    return fetched


def test_a_file_that_turns_into_a_link_is_never_followed(data: Path) -> None:
    def swap() -> None:
        (data / "new").write_bytes(b"plain")
        (data / "new").replace(data / "file")
        (data / "new").symlink_to(data.parent / "secret")
        (data / "new").replace(data / "file")

    with meanwhile(swap):
        fetched = fetch_over_and_over(data, "file")

    assert b"plain" in fetched
    assert SECRET not in fetched


def test_a_folder_that_turns_into_a_link_is_never_followed(data: Path) -> None:
    (data / "a").mkdir()
    (data / "a" / "file").write_bytes(b"plain")

    def swap() -> None:
        (data / "folder").symlink_to(data.parent / "elsewhere")
        (data / "folder").unlink()
        (data / "a").rename(data / "folder")
        (data / "folder").rename(data / "a")

    with meanwhile(swap):
        fetched = fetch_over_and_over(data, "folder/file")

    assert SECRET not in fetched


def test_a_file_that_grows_is_cut_off(data: Path, tmp_path: Path) -> None:
    (data / "file").write_bytes(bytes(1000))
    with pytest.raises(files.TooLarge):
        files.copy_out(data, "file", tmp_path / "target", 999)
    assert not (tmp_path / "target").exists()


def test_a_fifo_does_not_block(data: Path, tmp_path: Path) -> None:
    os.mkfifo(data / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        files.copy_out(data, "fifo", tmp_path / "target", 1000)


def opens(folder: Path, path: str, resolve: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(files, "_RESOLVE", resolve)
    with files.opened_folder(folder) as root:
        try:
            os.close(files.open_beneath(root, path, os.O_RDONLY))
        except OSError:
            return False
    return True


@pytest.mark.parametrize(
    "flag, folder, path",
    [
        ("BENEATH", "data", "../secret"),
        ("NO_SYMLINKS", "data", "link"),
        ("NO_MAGICLINKS", "/proc/thread-self", "cwd"),
        ("NO_XDEV", "/", "proc/version"),
    ],
)
def test_each_part_of_the_way_a_file_is_opened_stops_something_by_itself(
    data: Path, flag: str, folder: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "plain").write_bytes(b"x")
    (data / "link").symlink_to("plain")
    below = (data.parent / folder).resolve()
    alone, in_use = getattr(files, f"_RESOLVE_{flag}"), files._RESOLVE

    assert opens(below, path, 0, monkeypatch)
    assert not opens(below, path, alone, monkeypatch)
    assert in_use & alone


def test_a_file_that_is_kept_from_being_opened_does_not_block(data: Path, tmp_path: Path) -> None:
    held = os.open(data / "leased", os.O_RDWR | os.O_CREAT)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    began = time.monotonic()
    try:
        with pytest.raises(BlockingIOError):
            files.copy_out(data, "leased", tmp_path / "target", 1000)
    finally:
        os.close(held)
        signal.signal(signal.SIGIO, before)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret", "link/file", "two"])
def test_nothing_but_a_plain_file_below_the_folder_is_opened(
    data: Path, tmp_path: Path, path: str
) -> None:
    (data / "a").mkdir()
    (data / "link").symlink_to("../elsewhere")
    (data / "one").write_bytes(b"x")
    (data / "two").hardlink_to(data / "one")
    with pytest.raises(OSError, match=r".+"):
        files.copy_out(data, path, tmp_path / "target", 1000)


def test_a_listing_follows_no_link_and_counts_every_name(data: Path) -> None:
    (data / "plain").write_bytes(bytes(10_000))
    (data / "folder").mkdir()
    (data / "folder" / "inner").write_bytes(b"x")
    (data / "link").symlink_to(data.parent / "elsewhere")
    (data / "loop").symlink_to(".")
    found = files.listing(data, 100)

    kinds = {path: state.kind for path, state in found.files.items()}
    assert kinds == {"plain": "file", "folder/inner": "file", "link": "link", "loop": "link"}
    assert found.names == 5
    assert found.usage >= 10_000
    assert not found.hidden


def test_a_listing_gives_up_where_there_is_too_much(data: Path) -> None:
    for number in range(50):
        (data / str(number)).touch()

    assert files.listing(data, 20).names == 21


def test_folders_too_deep_to_look_into_are_not_overlooked(data: Path) -> None:
    deep = data
    for _ in range(70):
        deep /= "x"
        deep.mkdir()

    assert files.listing(data, 1000).hidden


def test_removing_a_tree_works_however_deep_and_closed_it_is(data: Path) -> None:
    before = Path.cwd()
    os.chdir(data)
    for _ in range(1500):  # deeper than a path may be long, and than Python may recurse
        Path("x" * 10).mkdir()
        os.chdir("x" * 10)
        Path("file").touch()
    os.chdir(before)
    (data / "closed").mkdir()
    (data / "closed" / "inner").mkdir(mode=0)
    (data / "closed").chmod(0)
    (data / "link").symlink_to(data.parent / "elsewhere")
    files.remove_tree(data)

    assert not data.exists()
    assert (data.parent / "elsewhere" / "file").read_bytes() == SECRET


def test_what_is_kept_is_not_touched_when_all_else_is_removed(data: Path) -> None:
    kept = ["a", "link", "deep/er/b"]
    for folder in ("deep/er/new", "deep/empty", "new/er"):
        (data / folder).mkdir(parents=True)
    for file in ("a", "deep/er/b", "c", "deep/c", "deep/er/new/c", "new/er/a"):
        (data / file).touch()
    (data / "link").symlink_to(data.parent / "elsewhere")
    (data / "new" / "link").symlink_to(data.parent / "elsewhere")
    (data / "deep" / "er").chmod(0)
    (data / "new").chmod(0)
    before = files.listing(data, 1000).files

    files.remove_others(data, kept)

    found = files.listing(data, 1000)
    assert found.files == {path: before[path] for path in kept}
    assert found.names == len(kept) + 2, "and the two folders"
    assert (data.parent / "elsewhere" / "file").read_bytes() == SECRET


def test_an_input_takes_the_place_of_a_link(data: Path) -> None:
    incoming = data.parent / "incoming"
    incoming.write_bytes(b"sent")
    (data / "name").symlink_to(data.parent / "secret")
    files.place(incoming, data, "name")

    assert (data / "name").read_bytes() == b"sent"
    assert (data.parent / "secret").read_bytes() == SECRET


def test_a_state_tells_a_change_that_hides_behind_its_old_time(data: Path) -> None:
    file = data / "file"
    file.write_bytes(b"one")
    before = files.listing(data, 10).files["file"]
    time.sleep(0.02)
    file.write_bytes(b"two")
    os.utime(file, ns=(before.modified, before.modified))

    assert files.listing(data, 10).files["file"] != before

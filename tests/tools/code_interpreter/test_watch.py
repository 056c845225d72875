"""What the watch counts of files that have no name."""

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistants.tools.code_interpreter import watch

SIZE = 8 * 1024 * 1024


@contextmanager
def mapped_without_name(path: Path) -> Iterator[None]:
    """A file that is mapped, and neither open (as mmap.mmap keeps it) nor in a folder any more."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    with path.open("w+b") as file:
        file.truncate(SIZE)
        at = libc.mmap(None, SIZE, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    assert at != ctypes.c_void_p(-1).value
    path.unlink()
    try:
        yield
    finally:
        libc.munmap(at, SIZE)


def test_a_file_whose_name_only_ends_like_that_of_shared_memory_is_counted(tmp_path: Path) -> None:
    """Code may make a folder "dev" with a file "zero" in it."""
    (tmp_path / "dev").mkdir()
    before = watch.nameless([os.getpid()])
    with mapped_without_name(tmp_path / "dev" / "zero"):
        assert watch.nameless([os.getpid()]) - before == SIZE


def test_shared_memory_is_memory_and_no_file() -> None:
    before = watch.nameless([os.getpid()])
    with mmap.mmap(-1, SIZE):
        assert "/dev/zero (deleted)" in Path("/proc/self/maps").read_text()
        assert watch.nameless([os.getpid()]) == before

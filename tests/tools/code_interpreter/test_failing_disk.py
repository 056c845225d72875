"""A disk that fails costs the session that met with it, and nobody else."""

import errno
from collections.abc import Collection
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.sessions import Sessions
from tests.tools.code_interpreter.own_sessions import own_sessions, run


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Folders in which nothing can be removed, nor in those that are in them."""
    remove = files.remove_others
    folders: set[Path] = set()

    def remove_others(folder: Path, kept: Collection[str]) -> None:
        if {folder, folder.parent} & folders:
            raise OSError(errno.EIO, "the disk is broken")
        remove(folder, kept)

    monkeypatch.setattr(files, "remove_others", remove_others)
    return folders


def box_of(sessions: Sessions, name: str) -> Path:
    """What the end of the session's kernel removes."""
    kernel = sessions.get(name)._kernel
    assert kernel is not None
    return kernel.folders.tmp.parent


async def test_a_kernel_whose_files_cannot_be_removed_gives_its_place_back(
    broken: set[Path],
) -> None:
    async with own_sessions(kernels=1) as sessions:
        await run(sessions, "first", "1")
        broken.add(box_of(sessions, "first"))
        with pytest.raises(OSError, match="broken"):
            await sessions.get("first").rest("the test wants it")

        assert (await run(sessions, "second", "1 + 1")).logs == "2\n"


async def test_a_kernel_that_cannot_be_given_its_files_gives_its_place_back(
    broken: set[Path],
) -> None:
    async with own_sessions(kernels=1) as sessions:
        broken |= {sessions.get("first").folder.data, sessions._root / ".boxes"}
        assert (await run(sessions, "first", "1")).end.outcome == "died"

        broken.clear()
        assert (await run(sessions, "second", "1 + 1")).logs == "2\n"


async def test_sessions_after_one_that_cannot_be_tidied_are_tidied(
    broken: set[Path], caplog: pytest.LogCaptureFixture
) -> None:
    async with own_sessions() as sessions:
        await run(sessions, "first", "1")
        await run(sessions, "second", "1")
        broken.add(box_of(sessions, "first"))
        sessions._idle = 0
        await sessions._tidy()

        assert sessions.live == 0
    assert "session first: it could not be tidied" in caplog.text


async def test_a_server_that_stops_ends_all_kernels_whatever_fails(broken: set[Path]) -> None:
    async with own_sessions(warm=1) as sessions:
        await run(sessions, "first", "1")
        await run(sessions, "second", "1")
        broken.add(box_of(sessions, "first"))
        await sessions.close()

        assert (sessions.live, sessions.pool.warm) == (0, 0)

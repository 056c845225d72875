"""All sessions of a server, in the test's own process, so that the test can take parts away."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from assistants.tools.code_interpreter.cgroup import Cgroups
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.programs import find_bubblewrap, find_python
from assistants.tools.code_interpreter.sandboxes import Sandboxes
from assistants.tools.code_interpreter.sessions import Sessions
from tests.tools.code_interpreter.interpreter_process import PYTHON, Gave

# A system call filter of one instruction.
ALLOW_ALL = b"\x06\0\0\0\0\0\xff\x7f"


def a_folder() -> Path:
    """One that the sandboxes' user may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="own-"))
    folder.chmod(0o711)
    for name, mode in (("runtime", 0o711), ("root", 0o711), ("sockets", 0o700)):
        (folder / name).mkdir(mode=mode)
    return folder


@contextlib.asynccontextmanager
async def own_sessions(
    limits: Limits | None = None,
    cgroups: Cgroups | None = None,
    *,
    warm: int = 0,
    kernels: int = 20,
) -> AsyncIterator[Sessions]:
    folder = a_folder()
    sandboxes = Sandboxes(
        find_bubblewrap(None),
        find_python(PYTHON),
        folder / "runtime",
        folder / "root",
        limits or Limits(),
    )
    sandboxes.cgroups = cgroups
    sessions = Sessions(
        sandboxes,
        folder / "root",
        folder / "sockets",
        warm=warm,
        idle=3600,
        kernels=kernels,
        patience=10,
    )
    sessions.start()
    try:
        yield sessions
    finally:
        await sessions.close()
        sandboxes.close()
        shutil.rmtree(folder)


async def run(sessions: Sessions, name: str, code: str, *, deadline: float = 20) -> Gave:
    gave = Gave()
    async for output in sessions.get(name).execute(code, [], deadline):
        gave.outputs.append(output)
    return gave

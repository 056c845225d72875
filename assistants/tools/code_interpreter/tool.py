"""The tool as a whole: switched on only if all its walls hold."""

import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import cgroup, files, memory
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.outputs import Health, State, Wall
from assistants.tools.code_interpreter.packages import tool_box
from assistants.tools.code_interpreter.programs import Missing, find_bubblewrap, find_python
from assistants.tools.code_interpreter.reach import Unreachable
from assistants.tools.code_interpreter.sandboxes import Sandboxes
from assistants.tools.code_interpreter.sessions import Sessions
from assistants.tools.code_interpreter.walls import try_walls

logger = logging.getLogger(__name__)

_STARTING: Final = "The code interpreter is starting."


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server was told to work.

    `runtime` is a folder for its sockets, with a short path; `root` one for the sessions' files;
    `python` belongs to the sandbox's venv; `bubblewrap` is looked for if None. `idle` in seconds,
    and so is `patience`, the wait of a call for a kernel when all `kernels` are in use. `cgroup` is
    where the sandboxes' cgroups are made, the server's own if None. Idle kernels end while less
    than `spared` bytes of memory are left; None is what memory.py says.
    """

    runtime: Path
    root: Path
    python: Path
    bubblewrap: str | None = None
    warm: int = 2
    idle: float = 3600.0
    kernels: int = 20
    patience: float = 60.0
    cgroup: Path | None = None
    spared: int | None = None
    limits: Limits = field(default_factory=Limits)


class Tool:
    """Make it before the process starts a thread (see reach.py), then `start()` it."""

    def __init__(self, settings: Settings) -> None:
        self.sessions: Sessions | None = None  # None while the tool is off
        self._settings = settings
        self._walls: list[Wall] = []
        self._packages: list[str] = []
        self._off: str | None = _STARTING
        self._sandboxes: Sandboxes | None = None
        settings.root.mkdir(parents=True, exist_ok=True)
        settings.root.chmod(0o711)
        if settings.runtime.exists():
            shutil.rmtree(settings.runtime)
        settings.runtime.mkdir(parents=True)
        settings.runtime.chmod(0o711)
        (settings.runtime / "sockets").mkdir(mode=0o700)
        try:
            self._sandboxes = Sandboxes(
                find_bubblewrap(settings.bubblewrap),
                find_python(settings.python),
                settings.runtime,
                settings.root,
                settings.limits,
            )
        except (Missing, Unreachable, OSError) as error:
            self._off = str(error)
            self._walls = [Wall("sandbox", ok=False, detail=self._off)]
            return
        try:
            self._sandboxes.cgroups = cgroup.find(settings.cgroup, settings.limits)
        except cgroup.NoCgroup as error:
            asked = f"--cgroup {settings.cgroup} cannot be used: " if settings.cgroup else ""
            self._sandboxes.why_no_cgroup = f"{asked}{error}"

    async def start(self) -> None:
        """Try the walls, and begin to prepare kernels if all of them hold."""
        settings = self._settings
        if self._sandboxes is None:
            return
        attempt = settings.root / ".canary"
        if attempt.exists():
            files.remove_tree(attempt)
        self._walls = await try_walls(self._sandboxes, attempt)
        if broken := [wall for wall in self._walls if wall.breaks]:
            self._off = " ".join(f"{wall.name}: {wall.detail}" for wall in broken)
            return
        self._off = None
        self._packages = tool_box(self._sandboxes.python)
        self.sessions = Sessions(
            self._sandboxes,
            settings.root,
            settings.runtime / "sockets",
            warm=settings.warm,
            idle=settings.idle,
            kernels=settings.kernels,
            patience=settings.patience,
            spared=memory.usually_spared() if settings.spared is None else settings.spared,
        )
        self.sessions.start()

    def log_state(self) -> None:
        """Tell the log what the walls have come to; loudly if --cgroup names one in vain."""
        if self._off is not None:
            logger.error("the code interpreter is off: %s", self._off)
        elif self._sandboxes is not None and self._sandboxes.cgroups is None:
            logger.log(
                logging.WARNING if self._settings.cgroup else logging.INFO,
                "no cgroup for sandboxes, the watch does it alone: %s",
                self._sandboxes.why_no_cgroup,
            )

    def health(self) -> Health:
        """Whether code can run, by what happened last, and what stands around it."""
        if self.sessions is None:
            return Health(False, "off", self._off, self._walls, sessions=0, warm=0)
        pool = self.sessions.pool
        state: State = "ready" if pool.has_started else "untried"
        if pool.trouble:
            state = "failing"
        return Health(
            ok=not pool.trouble,
            state=state,
            reason=pool.trouble,
            walls=self._walls,
            sessions=self.sessions.live,
            warm=pool.warm,
            packages=self._packages,
        )

    async def close(self) -> None:
        """End every kernel and let go of everything but the sessions' files."""
        if self.sessions is not None:
            await self.sessions.close()
        if self._sandboxes is not None:
            self._sandboxes.close()
        shutil.rmtree(self._settings.runtime, ignore_errors=True)

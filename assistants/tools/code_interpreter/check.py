"""Tries the walls and prints them: python manage.py sandbox check, or without Django

    python -m assistants.tools.code_interpreter.check --python PYTHON

Exit code 0 if all of them hold.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from assistants.tools.code_interpreter.outputs import Health
from assistants.tools.code_interpreter.tool import Settings, Tool


def check(python: Path, bubblewrap: str | None = None, cgroup: Path | None = None) -> Health:
    """The walls as they stand on this machine, tried in a sandbox made for this. `cgroup` is where
    its cgroup is made, this process's own if None.
    """
    with tempfile.TemporaryDirectory(prefix="walls-") as folder:
        Path(folder).chmod(0o711)
        tool = Tool(
            Settings(
                Path(folder, "runtime"),
                Path(folder, "sessions"),
                python,
                bubblewrap,
                warm=0,
                cgroup=cgroup,
            )
        )

        async def run() -> Health:
            await tool.start()
            health = tool.health()
            await tool.close()
            return health

        return asyncio.run(run())


def report(health: Health) -> str:
    """One line per wall, then what it comes to."""
    width = max((len(wall.name) for wall in health.walls), default=0)
    lines = [
        f"{'holds ' if wall.ok else 'BROKEN' if wall.breaks else 'absent'}"
        f"  {wall.name:<{width}}  {wall.detail}"
        for wall in health.walls
    ]
    lines.append("The code interpreter is on." if health.ok else "The code interpreter is off.")
    return "\n".join(lines)


def main() -> int:
    parse = argparse.ArgumentParser(description="Try the walls around the code interpreter.")
    parse.add_argument("--python", type=Path, required=True, help="python of the sandbox's venv")
    parse.add_argument("--bubblewrap", help="the bwrap program; looked for on PATH if not given")
    parse.add_argument("--cgroup", type=Path, help="where to make a cgroup; the process's own")
    arguments = parse.parse_args()
    health = check(arguments.python.absolute(), arguments.bubblewrap, arguments.cgroup)
    sys.stdout.write(report(health) + "\n")
    return 0 if health.ok else 1


if __name__ == "__main__":
    sys.exit(main())

"""``python -m playground.runner``, the last step of ``make run``.

Looks whether it can work here, starts the processes of the Procfile, says where it is, and stops
everything on Ctrl+C, on SIGTERM, or when its terminal goes away. Django is not loaded in this
process, which lives as long as everything else and should stay small.

Where something else keeps the processes running, on several hosts or in containers of their own:
``python -m playground.runner prepare`` does once what has to be done before any is started, and
``python -m playground.runner web`` becomes that line of the Procfile.
"""

import asyncio
import os
import sys

from playground.env import BadSetting
from playground.runner.news import say


def main(names: list[str]) -> int:
    """The exit code: 0 after a stop that was asked for, 1 when it could not start."""
    try:
        # Imported here because it reads the environment, and may find a value that is wrong.
        from playground.runner import doubts, kept, places, single, stack
    except BadSetting as error:
        say(str(error), "error")
        return 1
    if not names or names == [single.PREPARE]:
        for doubt in doubts.doubts():
            say(doubt, "warning")
    if names:
        try:
            single.run(names)
        except places.CannotStart as error:
            say(str(error), "error")
            return 1
        return 0
    if "MAKELEVEL" in os.environ:
        kept.end_with_parent()  # make was killed: nobody would stop us any more
    try:
        places.check_nothing_runs()
        places.check_port()  # before anything is written
        places.check_room()
        places.make_folders()
        with places.hold_folders(stack.address()) as locks:
            places.make_secret_key()
            try:
                asyncio.run(stack.Stack(locks).run())
            finally:
                places.remove_runtime_dir()
    except places.CannotStart as error:
        say(str(error), "error")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

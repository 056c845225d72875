"""One process of the Procfile alone, or what goes before all of them: for hosts and containers that
something else keeps running.
"""

import asyncio
import json
import os

from honcho.environ import parse_procfile

from playground import settings
from playground.runner import places, stack

PREPARE = "prepare"


def run(names: list[str]) -> None:
    """Prepare and return, or become the process that is named.

    :raises CannotStart: that is not the name of one, or it cannot work here
    """
    commands = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
    if len(names) != 1 or names[0] not in {PREPARE, *commands}:
        known = ", ".join([PREPARE, *commands])
        raise places.CannotStart(f"Name one of {known}, or none for all of them.")
    (name,) = names
    places.check_room()
    places.make_folders()
    if name == PREPARE:
        places.make_secret_key()
        asyncio.run(_prepare())
        return
    if name == "web" and not settings.HAS_ASSETS:
        # DATA_DIR need not be the folder of the host that has prepared the rest, and what lies
        # there may be an older version's.
        asyncio.run(stack.manage("assets"))
    environment = stack.environment_of(name)
    os.chdir(settings.BASE_DIR)
    os.execve("/bin/sh", ["sh", "-c", commands[name]], environment)  # noqa: S606


async def _prepare() -> None:
    prepared = json.loads(await stack.manage("prepare"))
    api_key = ""
    if not prepared["has_api_key"]:
        api_key = (await stack.manage("api_key", "First key")).strip()
    stack.announce(prepared["login_token"], api_key)

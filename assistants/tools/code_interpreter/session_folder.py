"""A session's folder: what was sent to it, what else is in it, and what is kept beside that.

On disk, below the root of all sessions:

    <session>/data          /mnt/data
    <session>/outputs       copies of what calls gave, see kept_outputs.py
    <session>/session.json  what has to be known after a restart; written anew by every call
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.files import State
from assistants.tools.code_interpreter.kept_outputs import KeptOutputs
from assistants.tools.code_interpreter.limits import MIB, Limits
from assistants.tools.code_interpreter.messages import Picture
from assistants.tools.code_interpreter.outputs import Image
from assistants.tools.code_interpreter.sandboxes import Sandboxes

_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg"}
_INCOMING: Final = "incoming-"
_SLACK: Final = 10  # the part of a limit by which a folder that is beyond it may grow


class NoRoom(Exception):
    """An input does not fit into the session's folder."""


@dataclass
class _Record:
    """What is kept of a session beside its files. `inputs` are names by file id."""

    inputs: dict[str, str] = field(default_factory=dict)
    figures: int = 0
    used: bool = False

    @classmethod
    def load(cls, path: Path) -> "_Record":
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()


class SessionFolder:
    """The folder of one session. It outlives the session's kernels, and the server."""

    def __init__(self, path: Path, sandboxes: Sandboxes) -> None:
        """Makes what is not there yet of the folder at `path`."""
        self.path = path
        self.data = path / "data"
        self.limits = sandboxes.limits
        self._sandboxes = sandboxes
        self._placed: dict[str, State] = {}  # inputs, as they were put there
        path.mkdir(exist_ok=True)
        path.chmod(0o711)
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            sandboxes.give(self.data)
        self.outputs = KeptOutputs(path / "outputs", self.limits.disk)
        for cut_short in path.glob(f"{_INCOMING}*"):
            cut_short.unlink()
        self._record = _Record.load(path / "session.json")

    # What was sent

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of `ids` that have to be sent, because the session never had them or its code
        removed them.
        """
        return [
            one for one in ids if one not in self._record.inputs or not files.exists(self.data, one)
        ]

    async def put_input(self, input_id: str, name: str, content: AsyncIterator[bytes]) -> None:
        """Write an input to /mnt/data/<id>. Raises NoRoom."""
        incoming = self.path / f"{_INCOMING}{os.urandom(6).hex()}"
        size = 0
        try:
            with incoming.open("xb") as written:
                async for chunk in content:
                    size += len(chunk)
                    if size > self.limits.file_size:
                        raise NoRoom(f"{name} is larger than {self.limits.file_size // MIB} MB.")
                    await asyncio.to_thread(written.write, chunk)
            if size + (await self.listing()).usage > self.limits.disk:
                limit = self.limits.disk // MIB
                raise NoRoom(f"With {name} the session's files take more than {limit:,} MB.")
            incoming.chmod(0o644)
            self._sandboxes.give(incoming)
            try:
                files.place(incoming, self.data, input_id)
            except IsADirectoryError:
                raise NoRoom(
                    f"There is a folder named {input_id} where the file should go."
                ) from None
        finally:
            incoming.unlink(missing_ok=True)
        if (state := files.state(self.data, input_id)) is not None:
            self._placed[input_id] = state
        self._record.inputs[input_id] = name
        self._save()

    def link_names(self, ids: Sequence[str]) -> None:
        """Make the inputs `ids` available under their own names too. Where several share one, the
        last of them, which is the newest, has it.

        The names are links, so that a large file is there once. What the code made itself is left
        alone.
        """
        owners = {files.safe_name(self._record.inputs[one]): one for one in ids}
        for name, owner in owners.items():
            target = files.link_target(self.data, name)
            wanted = owner if name not in self._record.inputs else None
            if target == wanted:
                continue
            if target in self._record.inputs:
                files.remove_name(self.data, name)
            if wanted is not None:
                with contextlib.suppress(FileExistsError):
                    files.make_link(self.data, name, wanted)

    def is_sent(self, path: str, state: State) -> bool:
        """Whether a file is an input as it was put there, or one of the names that `link_names`
        makes.
        """
        if state.kind == "link" and "/" not in path:
            return files.link_target(self.data, path) in self._record.inputs
        return state == self._placed.get(path)

    def shown_name(self, path: str) -> str:
        """`path`, or the name of the input that it is the file of."""
        name = files.safe_name(self._record.inputs.get(path, ""))
        return name if files.link_target(self.data, name) == path else path

    # What else is in it

    async def listing(self) -> files.Listing:
        """All of /mnt/data: a look that gave up early would miss what earlier calls have left."""
        return await asyncio.to_thread(files.listing, self.data, sys.maxsize)

    def allowed(self, found: files.Listing) -> Limits:
        """What may be there while the next kernel runs. A folder that has too much in it already,
        since the server was killed in the wrong moment, may hardly grow (/tmp counts too), but code
        has to be able to clear it.
        """
        limits = self.limits
        more_disk = found.usage + limits.disk // _SLACK if found.usage > limits.disk else 0
        more_files = found.names + limits.files // _SLACK if found.names > limits.files else 0
        return dataclasses.replace(
            limits, disk=max(limits.disk, more_disk), files=max(limits.files, more_files)
        )

    async def take_back(self, before: Mapping[str, State], limits: Limits) -> bool:
        """Once the kernel has ended: remove what is new since `before`, if the folder has more than
        `limits` allow. Whether that was so. Inputs that were sent since then stay.
        """
        found = await self.listing()
        if found.usage <= limits.disk and found.names <= limits.files and not found.hidden:
            return False
        earlier = {**self._placed, **before}
        kept = {path for path, state in found.files.items() if earlier.get(path) == state}
        await asyncio.to_thread(files.remove_others, self.data, kept)
        return True

    # What is kept beside it

    @property
    def is_used(self) -> bool:
        """Whether a call was ever made."""
        return self._record.used

    def note_use(self) -> None:
        """A call is made. Also tells when the last one was, by the time of the folder."""
        self._record.used = True
        self._save()

    def keep_figure(self, picture: Picture) -> Image:
        """Store a figure to be fetched."""
        self._record.figures += 1
        self._save()
        output_id = self.outputs.keep(picture.data)
        name = f"plot-{self._record.figures}.{_ENDINGS[picture.mime]}"
        return Image(output_id, name, picture.mime, len(picture.data))

    def _save(self) -> None:
        path = self.path / "session.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(dataclasses.asdict(self._record)))
        draft.replace(path)

    async def remove(self) -> None:
        """Remove all of it."""
        await asyncio.to_thread(files.remove_tree, self.path)

"""What a call shows of what its kernel says."""

import hashlib
from collections.abc import Callable
from typing import Final

from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.messages import Picture, Raised, Replied, Said, Text
from assistants.tools.code_interpreter.outputs import Image, Logs, Output

_ERROR_ROOM: Final = 10_000  # characters of a traceback that are shown when the logs are full


class Showing:
    """Turns what a kernel says in one call into outputs, within the call's limits."""

    def __init__(
        self,
        limits: Limits,
        keep_figure: Callable[[Picture], Image],
        put: Callable[[Output], None],
    ) -> None:
        self.ok = False
        self.notes: list[str] = []
        self._keep_figure = keep_figure
        self._limits = limits
        self._put = put
        self._room = self._limits.logs
        self._error_room = _ERROR_ROOM
        self._figures: set[bytes] = set()

    async def show(self, said: Said, *, is_stopped: bool) -> None:
        match said:
            case Text(text):
                self._show_text(text)
            case Raised(kind, traceback):
                if not (is_stopped and kind == "KeyboardInterrupt"):
                    self._show_error(traceback)
            case Picture():
                self._show_figure(said)
            case Replied(ok):
                self.ok = ok

    def _show_text(self, text: str) -> None:
        if self._room <= 0 or not text:
            return
        shown = text[: self._room]
        self._room -= len(shown)
        self._put(Logs(shown))
        if len(shown) < len(text):
            self._room = 0
            self._put(Logs(f"\n[output truncated after {self._limits.logs:,} characters]\n"))

    def _show_error(self, traceback: str) -> None:
        """The end of a traceback says what happened, so there is some room for it when the logs are
        full; forged ones may come by the thousand.
        """
        room = max(self._room, self._error_room)
        if room <= 0:
            return
        shown = traceback[-room:]
        if len(shown) < len(traceback):
            self._put(Logs("[beginning of the traceback truncated]\n"))
        if self._room < len(shown):
            self._error_room -= len(shown)
        self._room = max(self._room - len(shown), 0)
        self._put(Logs(shown))

    def _show_figure(self, picture: Picture) -> None:
        digest = hashlib.sha256(picture.data).digest()
        if digest in self._figures:  # a figure that is the last expression too comes twice
            return
        if len(self._figures) >= self._limits.images:
            note = f"Only the first {self._limits.images} figures are shown."
            self.notes = [note]
        elif len(picture.data) > self._limits.image_size:
            self._show_text(f"[a figure of {len(picture.data):,} bytes is too large to be shown]\n")
        else:
            self._figures.add(digest)
            self._put(self._keep_figure(picture))

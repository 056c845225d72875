"""What a call of the code interpreter yields, and how that looks on the wire between server and
client.

One JSON object a line. Dataclasses here are shared by both ends, so a field is added in one place.
"""

import dataclasses
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Outcome = Literal["ok", "error", "deadline", "interrupted", "died"]
# Of the tool: switched off by a missing wall; no kernel was started yet; the last one that was
# tried has started, or has not.
State = Literal["off", "untried", "ready", "failing"]

# Where the session's folder is inside the sandbox: the path the Assistants API promised to its
# models.
DATA: Final = "/mnt/data"


# The header that says where an output's bytes lie, percent-encoded: a client on the same machine
# may take the file itself.
OUTPUT_PATH: Final = "Output-Path"


@dataclass(frozen=True, slots=True)
class Logs:
    """Text the code wrote or raised, or the value of its last expression, in the order it came."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A figure. `output_id` fetches its bytes; `mime` is image/png or image/jpeg."""

    output_id: str
    name: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A regular file that the call made or changed. `path` as the code sees it, below /mnt/data;
    `size` in bytes.
    """

    output_id: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last output of every call. `note` is one or more sentences for the model and the user, or
    None.
    """

    outcome: Outcome
    note: str | None = None


Output = Logs | Image | SavedFile | Ended


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall around the code: `detail` says what was tried, or what is missing and the cure. An
    `extra` one stands behind others, and the tool is on without it.
    """

    name: str
    ok: bool
    detail: str
    extra: bool = False

    @property
    def breaks(self) -> bool:
        """Whether the tool is off because of it."""
        return not (self.ok or self.extra)


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` says why no code can run and what to do about it, None when `ok`: "untried" or
    "ready". `sessions` counts live kernels that a session has, `warm` those that wait for one.
    """

    ok: bool
    state: State
    reason: str | None
    walls: list[Wall]
    sessions: int
    warm: int
    packages: list[str] = field(default_factory=list)
    """``name version`` of what code may import beside Python's own library."""


_KINDS: Final[dict[str, type[Logs | Image | SavedFile | Ended]]] = {
    "logs": Logs,
    "image": Image,
    "file": SavedFile,
    "ended": Ended,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def known(kind: type, fields: dict[str, Any]) -> dict[str, Any]:
    """Those of `fields` that the dataclass `kind` has: a newer process may send more."""
    names = {one.name for one in dataclasses.fields(kind)}
    return {name: value for name, value in fields.items() if name in names}


def encode(output: Output) -> bytes:
    """One line of the stream that answers a call."""
    return json.dumps({"kind": _NAMES[type(output)], **asdict(output)}).encode() + b"\n"


def decode(line: bytes) -> Output:
    """The output in `line`. Raises ValueError, KeyError or TypeError if the line is none."""
    fields = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    return kind(**known(kind, fields))

"""The parts of the system as ``/healthz`` and ``/readyz`` tell of them, for whichever process is
asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Part:
    """One part of the system: whether it answers, and what is wrong or worth knowing; ``public`` is
    what a stranger may know of that.
    """

    ok: bool
    detail: str = ""
    public: str = ""


def told(parts: Mapping[str, Part]) -> tuple[HTTPStatus, dict[str, Any]]:
    """Status and JSON of the answer: 200, or 503 naming those that do not answer."""
    missing = [name for name, part in parts.items() if not part.ok]
    body = {
        "status": f"not answering: {', '.join(missing)}" if missing else "ok",
        "parts": {
            name: {"ok": part.ok, "detail": "" if part.ok else part.public}
            for name, part in parts.items()
        },
    }
    return HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK, body

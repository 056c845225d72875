"""How a log line looks: one readable line for a terminal, or one JSON object for a container.

Django tells addresses where it refuses or fails, and some of ours hold a secret: share links,
invitations, the printed link. No line has those, in its text or in a traceback, however they got
there, such as behind ``?next=``.
"""

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import override

from assistants import log_hooks, log_ids

PROBES = ("/healthz", "/readyz")
_SLASH: Final = "(?:/|%(?:25)*2F)"
SECRETS: Final = re.compile(
    rf"({_SLASH}s{_SLASH}|{_SLASH}join{_SLASH}\w+{_SLASH}|\btoken(?:=|%(?:25)*3D))[\w.~-]+",
    re.IGNORECASE,
)


def configure(told: dict[str, Any]) -> None:
    """Set up what ``LOGGING`` says. Where lines are JSON, so is what Python says by itself."""
    logging.config.dictConfig(told)
    if told["handlers"]["stderr"]["formatter"] == "json":
        log_hooks.take_over()


def without_secrets(text: str) -> str:
    return SECRETS.sub(r"\1…", text)


class TextFormatter(logging.Formatter):
    """``LEVEL logger: message``, plain news without the level. The runner adds time and process."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        self._style._fmt = (
            "%(name)s: %(message)s"
            if record.levelno == logging.INFO
            else "%(levelname)s %(name)s: %(message)s"
        )
        return without_secrets(super().format(record))


class NoProbes(logging.Filter):
    """Drops Django's complaint about each 503 of the probes: saying that is what they are for."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(getattr(record, "request", None), "path", None) not in PROBES


class OneLine(logging.Filter):
    """What a request is refused for (``django.security``) is one warning: whoever likes can send
    such requests, and is to fill no log with tracebacks.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("django.security."):
            return True
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        record.msg, record.args = " ".join(record.getMessage().split())[:300], ()
        return True


class NoStack(logging.Filter):
    """Drops where beat was when it could not ring, which Celery has in the message, as a list of
    Python's. What went wrong is told all the same.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args and isinstance(record.args[-1], list):
            record.msg = record.msg.partition("\n")[0]
            record.args = record.args[:-1]
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, ``error``; and
    ``request``, ``thread`` and ``run``, the ids of what it is about.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **log_ids.ids.get(),
        }
        if record.exc_info:
            line["error"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)

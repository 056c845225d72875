"""How a log line looks: one readable line for a terminal, or one JSON object for a container."""

import json
import logging
from datetime import UTC, datetime

from typing_extensions import override

from assistants import log_ids


class TextFormatter(logging.Formatter):
    """``LEVEL logger: message``, plain news without the level. The runner adds time and process."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        self._style._fmt = (
            "%(name)s: %(message)s"
            if record.levelno == logging.INFO
            else "%(levelname)s %(name)s: %(message)s"
        )
        return super().format(record)


class NoProbes(logging.Filter):
    """Drops Django's complaint about each 503 of ``/healthz``: saying that is what it is for."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(getattr(record, "request", None), "path", None) != "/healthz"


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
            "message": record.getMessage(),
            **log_ids.ids.get(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

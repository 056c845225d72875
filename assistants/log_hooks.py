"""What Python prints by itself is logged instead, so that it has the form of every other line."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

logger: Final = logging.getLogger("python")


def take_over() -> None:
    """From now on: errors that nobody caught, in any thread or where none can be raised, and
    warnings.
    """
    logging.captureWarnings(True)
    sys.excepthook = _ended_by
    threading.excepthook = _thread_ended_by
    sys.unraisablehook = _not_raised


def _ended_by(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logger.critical("the process ends", exc_info=(kind, error, traceback))


def _thread_ended_by(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        name = told.thread.name if told.thread else "?"
        logger.error("the thread %s ended", name, exc_info=told.exc_value)


def _not_raised(told: Any) -> None:
    logger.error("%s: %r", told.err_msg or "not raised", told.object, exc_info=told.exc_value)

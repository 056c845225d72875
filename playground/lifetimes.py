"""What the log says when a process begins its work, and when it has ended in order."""

import logging
import tomllib
from typing import Final

from playground import settings

logger = logging.getLogger(__name__)

VERSION: Final[str] = tomllib.loads(
    (settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8")
)["project"]["version"]


def begins(name: str) -> None:
    """Of a process: web, worker or beat."""
    logger.info("%s begins, of version %s", name, VERSION)


def ended(name: str) -> None:
    """Nothing is left under way."""
    logger.info("%s has ended in order", name)

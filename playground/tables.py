"""Whether the database has the tables of this version, which ``prepare`` makes."""

import logging
import time
from typing import Final

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

logger = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 30.0
"""So long a database that does not answer is waited for. Who has started copes with an outage."""
CONNECT_SECONDS: Final = 10
"""So long a host is tried that says nothing, where DATABASE_URL does not say how long."""
AWAY: Final = "the database does not answer"
MISSING: Final = "the tables are not those of this version: run prepare"


def newest() -> set[tuple[str, str]]:
    """The last migrations of this version: whoever has applied these has applied all."""
    return set(MigrationLoader(None).graph.leaf_nodes())


def are_there(last: set[tuple[str, str]], database: BaseDatabaseWrapper) -> bool:
    """Whether these migrations are applied: two queries.

    :raises DatabaseError: it does not answer
    """
    return last <= MigrationRecorder(database).applied_migrations().keys()


def without_pool() -> BaseDatabaseWrapper:
    """A connection that is tried once, at once, and says itself what is wrong: the pool says it in
    its log, and to us only that it got none in time.
    """
    plain = connection.copy()
    options = plain.settings_dict["OPTIONS"]
    options.pop("pool", None)
    if plain.vendor == "postgresql":
        options.setdefault("connect_timeout", CONNECT_SECONDS)
    return plain


def wait() -> None:
    """Until they are there, which may be when somebody else has made them. Says once for what."""
    last = newest()
    answered = time.monotonic()
    told = ""
    while why := _missing(last):
        if why is not AWAY:
            answered = time.monotonic()
        elif time.monotonic() - answered > AWAY_SECONDS:
            return
        if why != told:
            logger.warning("Waiting: %s.", why)
        told = why
        time.sleep(AGAIN_SECONDS)


def _missing(last: set[tuple[str, str]]) -> str:
    """Empty when nothing is."""
    database = without_pool()
    try:
        return "" if are_there(last, database) else MISSING
    except DatabaseError:
        return AWAY
    finally:
        database.close()

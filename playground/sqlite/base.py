"""The database backend ``playground.sqlite``: Django's for SQLite, with turns for its writers."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from playground.sqlite.turns import Turn, turn

WRITES = re.compile(r"INSERT|UPDATE|DELETE|REPLACE")


@lru_cache(maxsize=128)
def _looked_for(pattern: str) -> str:
    """What ``%…%``, as Django writes it for LIKE, looks for, in large letters."""
    return re.sub(r"\\(.)", r"\1", pattern[1:-1]).upper()


def _contains(pattern: str, text: object) -> bool | None:
    """Whether the text has in it what is looked for, in large letters or small ones. SQLite's own
    LIKE knows that of the letters a to z alone; PostgreSQL knows it of all.
    """
    return None if text is None else _looked_for(pattern) in str(text).upper()


class DatabaseWrapper(base.DatabaseWrapper):
    """A transaction waits for its turn where it begins, and has it until it is over; a single write
    has it for as long as it takes. (The types of Django know nothing of the methods that say so.)
    """

    # SQLite leaves the meaning of MATCH to whoever defines the function of that name.
    operators = {**base.DatabaseWrapper.operators, "icontains": "MATCH %s"}

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self._has_turn = False
        self.execute_wrappers.append(self._in_turn)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.create_function("match", 2, _contains, deterministic=True)
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        self._take()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._give()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._give()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give()

    def _in_turn(self, execute: Callable[..., Any], sql: str, *about: Any) -> Any:
        if self._has_turn or self.in_atomic_block or not WRITES.match(sql):
            return execute(sql, *about)
        self._take()
        try:
            return execute(sql, *about)
        finally:
            self._give()

    def _take(self) -> None:
        """
        :raises OperationalError: the turn did not come within the connection's timeout
        """
        if self.is_in_memory_db():
            return
        if not self._turn.take(self.settings_dict["OPTIONS"].get("timeout", 5.0)):
            raise OperationalError("database is locked")
        self._has_turn = True

    def _give(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.give()

    @property
    def _turn(self) -> Turn:
        return turn(f"{self.settings_dict['NAME']}-turn")

"""JSON as it was given: the keys of its objects keep their order, on every database."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.json import JSONExact
from typing_extensions import override

from assistants.text import storable_json

if TYPE_CHECKING:
    Base = models.JSONField[Any, Any]
else:
    Base = models.JSONField


class OrderedJSON(Base):
    """PostgreSQL's ``jsonb``, Django's choice, sorts keys by their length. The parameters of a
    function would come back to a program, and go to the model, in another order than they came in.
    Its ``json`` is the text itself, as SQLite has it. It can be taken apart (``->>``) but knows no
    operators of ``jsonb``, and is equal to another value if it is written in the same way.
    """

    @override
    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    @override
    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        """The JSON with all letters as they are, not as escapes, so that it can be searched."""
        if not prepared:
            value = self.get_prep_value(value)
        return storable_json(json.dumps(value, ensure_ascii=False))

    def from_db_value(
        self, value: Any, expression: models.Expression, connection: BaseDatabaseWrapper
    ) -> Any:
        """PostgreSQL's driver reads ``json`` by itself; SQLite has it as text."""
        if connection.vendor == "postgresql":
            return value
        return super().from_db_value(value, expression, connection)


@OrderedJSON.register_lookup
class WrittenTheSame(JSONExact):
    """``json`` of PostgreSQL has no ``=``."""

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left}::text = {right}", (*left_values, *right_values)

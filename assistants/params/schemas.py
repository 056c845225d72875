"""Checks of the JSON Schemas that callers send: for a function's arguments, or an answer's form.

Only the schema itself is checked, against the standard and, where it is to be followed strictly,
against the rules that chat models set for that. Nothing that it refers to is fetched.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

Place = tuple[str | int, ...]

# The standard as a schema of its own, so that a "$schema" of the caller's is never fetched.
STANDARD = Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})

DEEPEST = 100
"""So many levels a schema may have; the checks are recursive."""
BRANCHES = ("anyOf", "allOf", "oneOf", "prefixItems")
NAMED = ("properties", "$defs", "definitions")


class BadSchema(ValueError):
    """What is wrong, and where, in the service's words."""

    def __init__(self, place: Place, fault: str) -> None:
        super().__init__(f"In context={place!r}, {fault}")


def check(schema: dict[str, Any], *, strict: bool = False) -> None:
    """
    :raises BadSchema: it is no JSON Schema, or cannot be followed strictly
    """
    _check_depth(schema)
    try:
        STANDARD.validate(schema)
    except ValidationError as error:
        raise BadSchema(tuple(error.instance_path), f"{error.message[:300]}.") from error
    if schema.get("type", "object") != "object":
        raise BadSchema(
            (), f"schema must be a JSON Schema of 'type: \"object\"', got {schema['type']!r}."
        )
    if strict:
        for place, part in _objects(schema, ()):
            _check_strict(place, part)


def _check_depth(schema: dict[str, Any]) -> None:
    level: list[Any] = [schema]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise BadSchema((), f"the schema has more than {DEEPEST} levels.")


def _check_strict(place: Place, schema: dict[str, Any]) -> None:
    if schema.get("additionalProperties") is not False:
        raise BadSchema(place, "'additionalProperties' is required to be supplied and to be false.")
    required = schema.get("required", [])
    for name in schema.get("properties", {}):
        if name not in required:
            raise BadSchema(
                place,
                "'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing {name!r}.",
            )


def _objects(schema: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every schema of an object within this one, itself included. What stands under ``not``,
    ``if``, ``then``, ``else`` and ``patternProperties`` is left to the models: those that follow a
    schema strictly know none of these words.
    """
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        yield place, schema
    for word in NAMED:
        for name, part in schema.get(word, {}).items():
            yield from _objects(part, (*place, word, name))
    for word in BRANCHES:
        for number, part in enumerate(schema.get(word, [])):
            yield from _objects(part, (*place, word, number))
    yield from _objects(schema.get("items"), (*place, "items"))

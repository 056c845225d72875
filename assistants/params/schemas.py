"""Checks of the JSON Schemas that callers send: for a function's arguments, or an answer's form.

Only the schema itself is checked, against the standard and, where it is to be followed strictly,
against the rules that chat models set for that. Nothing that it refers to is fetched.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from jsonschema_rs import Draft202012Validator, ValidationError

from assistants.refusals import echoed

Schema = dict[str, Any]
Place = tuple[str | int, ...]

# The standard as a schema of its own, so that a "$schema" of the caller's is never fetched.
STANDARD = Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})

DEEPEST = 100
"""So many levels a schema may have; the checks are recursive."""
ONE = ("items", "not", "if", "then", "else")
MANY = ("anyOf", "allOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "$defs", "definitions")
"""The words of the standard that hold schemas: one, a list of them, or some by name."""


class BadSchema(ValueError):
    """What is wrong, and where, in the service's words."""

    def __init__(self, place: Place, fault: str) -> None:
        super().__init__(f"In context={echoed(repr(place))}, {fault}")


def check(schema: Schema, *, strict: bool = False) -> None:
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
            (),
            "schema must be a JSON Schema of 'type: \"object\"', "
            f"got {echoed(repr(schema['type']))}.",
        )
    for place, part in _parts(schema, ()):
        if str(part.get("$ref", "")).startswith("#/"):
            _check_reference(schema, place, part["$ref"])
        if strict and _is_object(part):
            _check_strict(place, part)


def _check_depth(schema: Schema) -> None:
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


def _check_reference(schema: Schema, place: Place, reference: str) -> None:
    """A reference from ``place`` to a part of the schema leads somewhere. Other references mean
    something to the models at most: nothing is fetched.
    """
    target: Any = schema
    for escaped in reference.removeprefix("#/").split("/"):
        step = unquote(escaped).replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and step.isdecimal() and int(step) < len(target):
            target = target[int(step)]
        elif isinstance(target, dict) and step in target:
            target = target[step]
        else:
            raise BadSchema(
                place, f"reference to a component that is not there: {echoed(repr(reference))}."
            )


def _check_strict(place: Place, schema: Schema) -> None:
    if schema.get("additionalProperties") is not False:
        raise BadSchema(place, "'additionalProperties' is required to be supplied and to be false.")
    required = schema.get("required", [])
    for name in schema.get("properties", {}):
        if name not in required:
            raise BadSchema(
                place,
                "'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing {echoed(repr(name))}.",
            )


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    is_one = kind == "object" or (isinstance(kind, list) and "object" in kind)
    return is_one or "properties" in schema


def _parts(schema: Any, place: Place) -> Iterator[tuple[Place, Schema]]:
    """Every schema within this one, itself included."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    for word in ONE:
        yield from _parts(schema.get(word), (*place, word))
    for word in MANY:
        for number, part in enumerate(schema.get(word, [])):
            yield from _parts(part, (*place, word, number))
    for word in NAMED:
        for name, part in schema.get(word, {}).items():
            yield from _parts(part, (*place, word, name))

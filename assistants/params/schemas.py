"""Checks of the JSON Schemas that callers send: for a function's arguments, or an answer's form.

Only the schema itself is checked, against the standard and, where it is to be followed strictly,
against the rules that chat models set for that. Nothing that it refers to is fetched.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from jsonschema_rs import Draft202012Validator, ValidationError

from assistants.refusals import echoed

Schema = dict[str, Any]
Place = tuple[str | int, ...]

# The standard as a schema of its own, so that a "$schema" of the caller's is never fetched.
STANDARD = Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})

EXPRESSION = Draft202012Validator({"format": "regex"}, validate_formats=True)
"""What the standard takes for a pattern: an expression of ECMA 262."""

DEEPEST = 100
"""So many levels a schema may have; the checks are recursive."""
ONE = (
    "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties", "not", "if", "then", "else",
)  # fmt: skip
MANY = ("anyOf", "allOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
"""The words of the standard that hold schemas: one, a list of them, or some by name."""

REFERENCES = ("$ref", "$dynamicRef")
ANCHORS = ("$anchor", "$dynamicAnchor")


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
    parts = list(_parts(schema, (), schema))
    anchors = {part.schema[word] for part in parts for word in ANCHORS if word in part.schema}
    for part in parts:
        _check_references(part, anchors)
        _check_patterns(part)
        if strict and _is_object(part.schema):
            _check_strict(part.place, part.schema)


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


def _check_references(part: "_Part", anchors: set[str]) -> None:
    """A reference to a part of the schema leads to one. Other references mean something to the
    models at most: nothing is fetched.
    """
    for word in REFERENCES:
        reference = part.schema.get(word, "")
        if not reference.startswith("#"):
            continue
        fragment = unquote(reference[1:])
        if fragment not in anchors and not _stands_at(fragment, part.base):
            raise BadSchema(
                part.place,
                f"reference to a component that is not there: {echoed(repr(reference))}.",
            )


def _check_patterns(part: "_Part") -> None:
    """Schemas that are made by Python have its own expressions at times, and are taken, too."""
    named = dict.fromkeys(part.schema.get("patternProperties", {}), "patternProperties")
    if "pattern" in part.schema:
        named[part.schema["pattern"]] = "pattern"
    for pattern, word in named.items():
        if not EXPRESSION.is_valid(pattern) and not _is_of_python(pattern):
            raise BadSchema(
                (*part.place, word), f"{echoed(repr(pattern))} is not a regular expression."
            )


def _is_of_python(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _stands_at(pointer: str, base: Any) -> bool:
    """Whether there is a schema at the JSON pointer (RFC 6901)."""
    head, *steps = pointer.split("/")
    for escaped in steps:
        step = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(base, list) and step.isdecimal() and int(step) < len(base):
            base = base[int(step)]
        elif isinstance(base, dict) and step in base:
            base = base[step]
        else:
            return False
    return not head and isinstance(base, dict | bool)


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


class _Part(NamedTuple):
    """A schema within a schema."""

    place: Place
    schema: Schema
    base: Schema
    """What "#" means there: the nearest schema around it that has an "$id", else the whole."""


def _parts(schema: Any, place: Place, base: Schema) -> Iterator[_Part]:
    """Every schema within this one, itself included."""
    if not isinstance(schema, dict):
        return
    base = schema if "$id" in schema else base
    yield _Part(place, schema, base)
    for word in ONE:
        yield from _parts(schema.get(word), (*place, word), base)
    for word in MANY:
        for number, part in enumerate(schema.get(word, [])):
            yield from _parts(part, (*place, word, number), base)
    for word in NAMED:
        for name, part in schema.get(word, {}).items():
            yield from _parts(part, (*place, word, name), base)

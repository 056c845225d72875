"""Which JSON Schemas are taken, and how the place of a fault is named."""

from typing import Any

import pytest

from assistants.errors import Invalid
from assistants.params import AssistantCreate, validate

STRICT = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def formatted(schema: Any, **more: Any) -> dict[str, Any]:
    """The body of an assistant that answers in this form."""
    asked = {"name": "trip", "schema": schema, **more}
    return {"model": "demo", "response_format": {"type": "json_schema", "json_schema": asked}}


def with_function(parameters: Any, **more: Any) -> dict[str, Any]:
    function = {"name": "book", "parameters": parameters, **more}
    return {"model": "demo", "tools": [{"type": "function", "function": function}]}


def refusal(body: dict[str, Any]) -> Invalid:
    with pytest.raises(Invalid) as caught:
        validate(AssistantCreate, body)
    return caught.value


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {"a": True}},
        STRICT,
        {"$ref": "https://elsewhere/", "$schema": "http://x/"},
    ],
)
def test_schemas_are_taken_as_they_are(schema: dict[str, Any]) -> None:
    taken = validate(AssistantCreate, formatted(schema)).model_dump(by_alias=True)
    assert taken["response_format"]["json_schema"]["schema"] == schema
    taken = validate(AssistantCreate, with_function(schema)).model_dump()
    assert taken["tools"][0]["function"]["parameters"] == schema


def test_a_wrong_schema_is_refused_at_its_place() -> None:
    wrong = {"type": "object", "properties": {"days": {"type": "whole"}}}
    error = refusal(formatted(wrong))
    assert error.message == (
        "Invalid schema for response_format 'trip': In context=('properties', 'days', 'type'), "
        "\"whole\" is not valid under any of the schemas listed in the 'anyOf' keyword."
    )
    assert error.param == "response_format.json_schema.schema"
    assert error.code == "invalid_json_schema"
    error = refusal(with_function(wrong))
    assert error.message.startswith(
        "Invalid schema for function 'book': In context=('properties', 'days', 'type'), "
    )
    assert error.param == "tools[0].function.parameters"
    assert error.code == "invalid_function_parameters"


@pytest.mark.parametrize("wrong", ["([", "*", "(?<a", "[z-a]"])
def test_what_is_no_regular_expression_is_refused(wrong: str) -> None:
    error = refusal(formatted({"properties": {"a": {"pattern": wrong}}}))
    assert error.message.endswith(
        f"In context=('properties', 'a', 'pattern'), '{wrong}' is not a regular expression."
    )
    error = refusal(with_function({"patternProperties": {wrong: {}}}))
    assert f"('patternProperties',), '{wrong}' is not a regular expression." in error.message


@pytest.mark.parametrize(
    "pattern", [r"^\d{4}-\d\d$", r"(?<year>\d+)", r"\p{Script=Han}", "(?i)oslo", "a{,3}", "[^]"]
)
def test_expressions_are_those_of_scripts_or_of_python(pattern: str) -> None:
    schema = {"properties": {"a": {"pattern": pattern}}, "patternProperties": {pattern: {}}}
    validate(AssistantCreate, formatted(schema))
    # Not what only has the name of one.
    validate(AssistantCreate, formatted({"properties": {"pattern": {}}, "default": {"pattern": 1}}))


def test_a_schema_describes_an_object() -> None:
    error = refusal(formatted({"type": "string"}))
    assert error.message.endswith(
        "In context=(), schema must be a JSON Schema of 'type: \"object\"', got 'string'."
    )


def test_a_strict_schema_closes_every_object() -> None:
    validate(AssistantCreate, formatted(STRICT, strict=True))
    inner = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    places: dict[str, dict[str, Any]] = {
        "('properties', 'who')": {"properties": {"who": inner}, "required": ["who"]},
        "('properties', 'who', 'items')": {
            "properties": {"who": {"type": "array", "items": inner}},
            "required": ["who"],
        },
        "('$defs', 'who')": {"properties": {}, "$defs": {"who": inner}},
        "('properties', 'who', 'not')": {
            "properties": {"who": {"not": inner}},
            "required": ["who"],
        },
        "('then',)": {"properties": {}, "if": {}, "then": inner},
        "('properties', 'who', 'anyOf', 1)": {
            "properties": {"who": {"anyOf": [{"type": "null"}, inner]}},
            "required": ["who"],
        },
    }
    for place, schema in places.items():
        closed = {"type": "object", "additionalProperties": False} | schema
        error = refusal(formatted(closed, strict=True))
        assert f"In context={place}, 'additionalProperties' is required" in error.message
        validate(AssistantCreate, formatted(closed))


@pytest.mark.parametrize(
    "reference, is_there",
    [
        ("#", True),
        ("#/$defs/city", True),
        ("#/$defs/a~1b%20c", True),
        ("#/anyOf/0", True),
        ("#/anyOf/1", False),
        ("#/$defs/town", False),
        ("#/$defs/city/type", False),
        ("#/$defs/city/type/0", False),
        ("#named", True),
        ("#unnamed", False),
    ],
)
def test_a_reference_within_the_schema_leads_somewhere(reference: str, is_there: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"where": {"$ref": reference}},
        "$defs": {"city": {"type": "string"}, "a/b c": {"$anchor": "named"}},
        "anyOf": [True],
    }
    if is_there:
        validate(AssistantCreate, with_function(schema))
    else:
        assert refusal(with_function(schema)).message == (
            "Invalid schema for function 'book': In context=('properties', 'where'), reference to "
            f"a component that is not there: '{reference}'."
        )


@pytest.mark.parametrize("word", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize(
    "holder", ["contains", "additionalProperties", "propertyNames", "unevaluatedItems", "not"]
)
def test_a_reference_is_looked_at_wherever_a_schema_stands(holder: str, word: str) -> None:
    error = refusal(with_function({"properties": {"a": {holder: {word: "#/$defs/gone"}}}}))
    place = f"('properties', 'a', '{holder}')"
    assert f"In context={place}, reference to a component" in error.message


def test_a_schema_with_an_id_of_its_own_refers_within_itself() -> None:
    inner = {"$id": "inner", "$defs": {"a": {}}, "properties": {"next": {"$ref": "#/$defs/a"}}}
    validate(AssistantCreate, formatted({"properties": {"inner": inner}}))
    inner["$defs"] = {}
    outer = {"properties": {"inner": inner}, "$defs": {"a": {}}}
    assert "that is not there: '#/$defs/a'" in refusal(formatted(outer)).message


def test_what_only_looks_like_a_reference_is_none() -> None:
    like = {"$ref": "#/nowhere"}
    schema = {"properties": {"$ref": {"enum": [like]}}, "default": like, "examples": [like]}
    validate(AssistantCreate, formatted(schema))


def test_a_strict_schema_requires_every_property() -> None:
    error = refusal(with_function({**STRICT, "required": ["city"]}, strict=True))
    assert error.message.endswith(
        "In context=(), 'required' is required to be supplied and to be an array including every "
        "key in properties. Missing 'days'."
    )


def test_a_bottomless_schema_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(900):
        schema = {"type": "object", "properties": {"inner": schema}}
    assert "more than 100 levels" in refusal(formatted(schema)).message

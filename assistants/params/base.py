"""The ground of every request body, and the translation of pydantic's findings into the
service's error texts.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ConfigDict, Discriminator, StringConstraints, ValidationError
from pydantic.types import Strict
from pydantic_core import ErrorDetails

from assistants.errors import Invalid, echoed, listed


class Params(BaseModel):
    """A request body: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """The fields that the caller named, as plain JSON. What was not named stays as it is."""
        return self.model_dump(mode="json", exclude_unset=True)


P = TypeVar("P", bound=Params)


def _tag_of(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"~{kind}" if isinstance(kind, str) else None


BY_TYPE = Discriminator(_tag_of)
"""Which member of a union an object is, by its field "type". Members carry that as their tag with a
"~" before it: pydantic names tags in the places of its findings, where callers know nothing of
them.
"""


def text_or(tag: str, kind: type, error: str) -> Discriminator:
    """Which member of ``str | <something else>`` a value is meant to be, so that errors speak of
    that one; ``error`` is what it is when it is neither.
    """

    def choose(value: Any) -> str | None:
        if isinstance(value, str):
            return "~text"
        return tag if isinstance(value, kind | Params) else None

    return Discriminator(choose, custom_error_type=error, custom_error_message="wrong type")


MetadataKey = Annotated[str, StringConstraints(max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], MaxLen(16)]

Temperature = Annotated[float, Ge(0), Le(2)]
TopP = Annotated[float, Ge(0), Le(1)]
MAX_FILES = 20
"""So many files an assistant or a thread may give to the code interpreter."""
FileIds = Annotated[list[Annotated[str, Strict()]], MaxLen(MAX_FILES)]


def validate(model: type[P], body: Any) -> P:
    """The body as this model.

    :raises Invalid: the first rule that it breaks, in the service's words
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False)) from error


def invalid(errors: Sequence[ErrorDetails]) -> Invalid:
    """The refusal for what pydantic found. Only the first finding is told, as the service does."""
    # A missing or unknown name explains the rest, so it goes first.
    order = {"missing": 0, "extra_forbidden": 1}
    error = min(errors, key=lambda found: order.get(found["type"], 2))
    path = echoed(_path(error["loc"], error["type"]))
    place = f"'{path}'" if path else "the request body"
    kind, context = error["type"], error.get("ctx", {})
    value = error["input"]

    match kind:
        case "missing":
            message = f"Missing required parameter: '{path}'."
            return Invalid(message, param=path, code="missing_required_parameter")
        case "extra_forbidden":
            return Invalid(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")
        case "literal_error" | "union_tag_invalid" | "union_tag_not_found" | "enum":
            return _not_supported(path, kind, context, value)
        case "string_too_long" | "string_too_short" | "too_long" | "too_short":
            return _bad_length(path, kind, context, value)
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            return _out_of_range(path, kind, context, value)
        case "string_pattern_mismatch":
            message = (
                f"Invalid '{path}': string does not match pattern. "
                f"Expected a string that matches the pattern '{context['pattern']}'."
            )
            return Invalid(message, param=path, code="invalid_value")
        case "value_error" | "invalid_value":
            if field := context.get("field"):
                path = f"{path}.{field}" if path else field
            return Invalid(
                context.get("message", error["msg"]),
                param=path or None,
                code=context.get("code", "invalid_value"),
            )
    if expected := _EXPECTED.get(kind):
        message = f"Invalid type for {place}: expected {expected}, but got {_named(value)} instead."
        return Invalid(message, param=path or None, code="invalid_type")
    return Invalid(
        f"Invalid value for {place}: {error['msg']}.", param=path or None, code="invalid_value"
    )


_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "none_required": "null",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "text_or_parts": "one of a string or array of objects",
    "text_or_object": "one of a string or object",
    "text_or_texts": "one of a string or array of strings",
    "text_or_number": "one of a string or number",
    "attribute": "one of a string, number or boolean",
}
"""pydantic's names of wrong types, in the service's words; the last five are raised by our own
unions.
"""


def _path(location: Sequence[int | str], kind: str) -> str:
    """``messages[0].content``, without the tags that pydantic adds for members of unions."""
    path = ""
    for part in location:
        if isinstance(part, int):
            # A list in a query has brackets in its name already.
            path = f"{path.removesuffix('[]')}[{part}]"
        elif part == "[key]" or part.startswith("~"):
            continue
        else:
            path += f".{echoed(part)}" if path else echoed(part)
    if kind.startswith("union_tag"):
        path += ".type" if path else "type"
    return path


def _not_supported(path: str, kind: str, context: Mapping[str, Any], value: Any) -> Invalid:
    if kind == "union_tag_not_found":
        if isinstance(value, dict) and "type" not in value:
            message = f"Missing required parameter: '{path}'."
            return Invalid(message, param=path, code="missing_required_parameter")
        if isinstance(value, dict):
            return _not_text(path, value["type"])
        path = path.removesuffix(".type")
        message = f"Invalid type for '{path}': expected an object, but got {_named(value)} instead."
        return Invalid(message, param=path, code="invalid_type")
    if kind == "union_tag_invalid":
        value = context["tag"].removeprefix("~")
        supported = [
            tag.strip("' ").removeprefix("~") for tag in context["expected_tags"].split(",")
        ]
    else:
        expected = str(context["expected"]).replace(" or ", ", ")
        supported = [word.strip("' ") for word in expected.split(",")]
    if not isinstance(value, str):
        return _not_text(path, value)
    word = "Supported values are" if len(supported) > 1 else "Supported value is"
    message = f"Invalid value: '{echoed(value)}'. {word}: {listed(supported)}."
    return Invalid(message, param=path, code="invalid_value")


def _not_text(path: str, value: Any) -> Invalid:
    message = f"Invalid type for '{path}': expected a string, but got {_named(value)} instead."
    return Invalid(message, param=path, code="invalid_type")


def _bad_length(path: str, kind: str, context: Mapping[str, Any], value: Any) -> Invalid:
    long = kind.endswith("long")
    limit = context["max_length" if long else "min_length"]
    bound = "maximum" if long else "minimum"
    if isinstance(value, str):
        noun, measure = "string", f"a string with length {len(value)}"
    elif isinstance(value, dict):
        noun, measure = "object", f"an object with {len(value)} properties"
    else:
        noun, measure = "array", f"an array with length {len(value)}"
    if noun == "object":
        message = (
            f"Invalid '{path}': too {'many' if long else 'few'} properties. Expected an object "
            f"with at {'most' if long else 'least'} {limit} properties, but got {measure} instead."
        )
        code = f"object_{'above_max' if long else 'below_min'}_properties"
        return Invalid(message, param=path, code=code)
    fault = f"{noun} too {'long' if long else 'short'}"
    code = f"{noun}_{'above_max' if long else 'below_min'}_length"
    if not value:
        fault, measure, code = f"empty {noun}", f"an empty {noun}", f"empty_{noun}"
    message = (
        f"Invalid '{path}': {fault}. "
        f"Expected a{'n' if noun == 'array' else ''} {noun} with {bound} length {limit}, "
        f"but got {measure} instead."
    )
    return Invalid(message, param=path, code=code)


def _out_of_range(path: str, kind: str, context: Mapping[str, Any], value: Any) -> Invalid:
    above = kind.startswith("less")
    limit = context[{"greater_than_equal": "ge", "less_than_equal": "le"}.get(kind, kind[:1] + "t")]
    # Bounds of whole numbers are whole; a value of a query is still text here.
    noun = "integer" if isinstance(limit, int) else "decimal"
    limit = int(limit) if float(limit).is_integer() else limit
    bound, sign = ("above maximum", "<=") if above else ("below minimum", ">=")
    message = (
        f"Invalid '{path}': {noun} {bound} value. "
        f"Expected a value {sign} {limit}, but got {value} instead."
    )
    code = f"{noun}_{'above_max' if above else 'below_min'}_value"
    return Invalid(message, param=path, code=code)


def _named(value: Any) -> str:
    """A value's JSON type as the service calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case _:
            return "an object"

"""The ground of every request body, and the translation of pydantic's findings into the
service's error texts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le, MaxLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    StringConstraints,
    ValidationError,
)
from pydantic.types import Strict
from pydantic_core import ErrorDetails, PydanticCustomError, PydanticKnownError

from assistants import refusals
from assistants.errors import Invalid
from assistants.models.base import ApiObject
from assistants.refusals import Listed, Rule, echoed


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


def _digits(value: Any) -> Any:
    """A query or a form has its numbers as text; Python would read ``1_0`` and `` 5`` as some."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?[0-9]+", value):
        raise PydanticKnownError("int_parsing")
    # As many digits as Python reads; whatever is longer is too large for anything here.
    return int(value[:4000])


Digits = BeforeValidator(_digits)
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


def id_of(noun: type[ApiObject]) -> AfterValidator:
    """Refuses an id that does not begin as ids of the noun do, at the place where it stands."""
    begins = noun.prefix.rstrip("_-")

    def begun_right(object_id: str) -> str:
        if not object_id.startswith(begins):
            raise found(refusals.WRONG_ID, given=object_id, prefix=begins)
        return object_id

    return AfterValidator(begun_right)


def found(rule: Rule[Invalid], *, field: str = "", **told: object) -> PydanticCustomError:
    """What a validator raises for a rule of our own.

    :param field: the fault is in this field of what is validated
    """
    context = {"rule": rule, "field": field, "told": told}
    return PydanticCustomError("refused", "a rule of our own", context)


def invalid(errors: Sequence[ErrorDetails]) -> Invalid:
    """The refusal for what pydantic found. Only the first finding is told, as the service does."""
    # A missing or unknown name explains the rest, so it goes first.
    order = {"missing": 0, "extra_forbidden": 1}
    error = min(errors, key=lambda found: order.get(found["type"], 2))
    path = _path(error["loc"], error["type"])
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]

    match kind:
        case "missing":
            return refusals.MISSING(path=path)
        case "extra_forbidden":
            return refusals.UNKNOWN(path=path)
        case "literal_error" | "union_tag_invalid" | "union_tag_not_found" | "enum":
            return _not_supported(path, kind, context, value)
        case "string_too_long" | "string_too_short" | "too_long" | "too_short":
            return _bad_length(path, kind, context, value)
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            return _out_of_range(path, kind, context, value)
        case "string_pattern_mismatch":
            return refusals.NO_MATCH(path=path, pattern=context["pattern"])
        case "refused":
            rule: Rule[Invalid] = context["rule"]
            inner = ".".join(filter(None, [path, context["field"]]))
            return rule(path=inner, **context["told"])
    if expected := _EXPECTED.get(kind):
        return _wrong_type(path, expected, value)
    return refusals.WRONG_VALUE(path=path, fault=error["msg"])


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
            return refusals.MISSING(path=path)
        if isinstance(value, dict):
            return _wrong_type(path, "a string", value["type"])
        return _wrong_type(path.removesuffix(".type"), "an object", value)
    if kind == "union_tag_invalid":
        value = context["tag"].removeprefix("~")
        supported = [
            tag.strip("' ").removeprefix("~") for tag in context["expected_tags"].split(",")
        ]
    else:
        expected = str(context["expected"]).replace(" or ", ", ")
        supported = [word.strip("' ") for word in expected.split(",")]
    if not isinstance(value, str):
        return _wrong_type(path, "a string", value)
    rule = refusals.NOT_AMONG_VALUES if len(supported) > 1 else refusals.NOT_THE_VALUE
    return rule(path=path, value=value, supported=Listed(supported))


def _wrong_type(path: str, expected: str, value: Any) -> Invalid:
    rule = refusals.WRONG_TYPE if path else refusals.BODY_OF_WRONG_TYPE
    return rule(path=path, expected=expected, got=_named(value))


def _bad_length(path: str, kind: str, context: Mapping[str, Any], value: Any) -> Invalid:
    if kind.endswith("short"):
        # No text and no list has to have more than one of anything.
        rule = refusals.STRING_EMPTY if isinstance(value, str) else refusals.ARRAY_EMPTY
        return rule(path=path, limit=context["min_length"])
    if isinstance(value, str):
        rule = refusals.STRING_TOO_LONG
    else:
        rule = refusals.OBJECT_TOO_LARGE if isinstance(value, dict) else refusals.ARRAY_TOO_LONG
    return rule(path=path, limit=context["max_length"], got=len(value))


def _out_of_range(path: str, kind: str, context: Mapping[str, Any], value: Any) -> Invalid:
    limit = context[{"greater_than_equal": "ge", "less_than_equal": "le"}.get(kind, kind[:1] + "t")]
    # Bounds of whole numbers are whole; a value of a query is still text here.
    whole = isinstance(limit, int)
    limit = int(limit) if float(limit).is_integer() else limit
    if kind.startswith("less"):
        rule = refusals.INTEGER_TOO_LARGE if whole else refusals.DECIMAL_TOO_LARGE
    else:
        rule = refusals.INTEGER_TOO_SMALL if whole else refusals.DECIMAL_TOO_SMALL
    return rule(path=path, limit=limit, got=str(value))


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

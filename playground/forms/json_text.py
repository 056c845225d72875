"""JSON as a person types it: what is wrong with it is said with its line and column."""

import json
from typing import Any

from django.core.exceptions import ValidationError

WORDS = {
    "Expecting property name enclosed in double quotes": "expected a name in double quotes",
    "Expecting ',' delimiter": "expected a comma",
    "Expecting ':' delimiter": "expected a colon",
    "Expecting value": "expected a value",
    "Extra data": "expected nothing more after the end",
    "Illegal trailing comma before end of object": "a comma stands before the closing }",
    "Illegal trailing comma before end of array": "a comma stands before the closing ]",
}
"""What Python's parser says, in plainer words."""

MAX_LENGTH = 256_000


def read(text: str, *, limit: int = MAX_LENGTH) -> Any:
    """
    :param limit: how many characters it can have
    :raises ValidationError: it is not JSON
    """
    if len(text) > limit:
        raise ValidationError(f"It can have {limit:,} characters at most.")
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        said = WORDS.get(error.msg, error.msg[:1].lower() + error.msg[1:])
        message = f"Line {error.lineno}, column {error.colno}: {said}."
        raise ValidationError(message) from error
    except RecursionError as error:
        raise ValidationError("It has too many levels.") from error


def read_object(text: str) -> dict[str, Any]:
    """
    :raises ValidationError: it is not a JSON object
    """
    found = read(text)
    if not isinstance(found, dict):
        raise ValidationError("Line 1, column 1: expected an object, in curly brackets.")
    return found


def write(value: Any) -> str:
    """The JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _refuse(name: str) -> Any:
    raise ValidationError(f"{name} is not a value in JSON.")

"""JSON as a person types it: what is wrong with it is said with its line and column."""

import json
import math
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

WORDS = {
    "Expecting property name enclosed in double quotes": gettext_noop(
        "expected a name in double quotes"
    ),
    "Expecting ',' delimiter": gettext_noop("expected a comma"),
    "Expecting ':' delimiter": gettext_noop("expected a colon"),
    "Expecting value": gettext_noop("expected a value"),
    "Extra data": gettext_noop("expected nothing more after the end"),
    "Illegal trailing comma before end of object": gettext_noop(
        "a comma stands before the closing }"
    ),
    "Illegal trailing comma before end of array": gettext_noop(
        "a comma stands before the closing ]"
    ),
}
"""What Python's parser says, in plainer words."""

MAX_LENGTH = 256_000


def read(text: str, *, limit: int = MAX_LENGTH) -> Any:
    """
    :param limit: how many characters it can have
    :raises ValidationError: it is not JSON
    """
    if len(text) > limit:
        text = _("It can have {n} characters at most.")
        raise ValidationError(text.format(n=number_format(limit, force_grouping=True)))
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        known = WORDS.get(error.msg)
        said = _(known) if known else error.msg[:1].lower() + error.msg[1:]
        message = _("Line {line}, column {column}: {problem}.").format(
            line=error.lineno, column=error.colno, problem=said
        )
        raise ValidationError(message) from error
    except RecursionError as error:
        raise ValidationError(_("It has too many levels.")) from error


def read_object(text: str) -> dict[str, Any]:
    """
    :raises ValidationError: it is not a JSON object
    """
    found = read(text)
    if not isinstance(found, dict):
        raise ValidationError(_("Line 1, column 1: expected an object, in curly brackets."))
    return found


def write(value: Any) -> str:
    """The JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _finite(number: str) -> float:
    if math.isinf(found := float(number)):
        raise ValidationError(_("{number} is too large a number.").format(number=number[:40]))
    return found


def _refuse(name: str) -> Any:
    raise ValidationError(_("{name} is not a value in JSON.").format(name=name))

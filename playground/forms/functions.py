"""The functions in an assistant's form: each a text of JSON, some to begin with, and one made from
an example of its call.
"""

import ast
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from assistants.errors import Invalid, Wire
from assistants.params import validate
from assistants.params.tools import FunctionTool
from playground.forms import json_text
from playground.service_words import refusal

BLANK: Wire = {
    "name": "my_function",
    "description": gettext_noop("What it does, and when to call it."),
    "parameters": {"type": "object", "properties": {}, "required": []},
}
SAMPLES: dict[str, Wire] = {
    "weather": {
        "name": "get_weather",
        "description": gettext_noop("Tells the weather of a place."),
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": gettext_noop("City and country")},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
    "stock": {
        "name": "get_stock_price",
        "description": gettext_noop("Tells the price of a share."),
        "parameters": {
            "type": "object",
            "properties": {
                "symbol": {"type": "string", "description": gettext_noop("Such as AAPL")}
            },
            "required": ["symbol"],
        },
    },
    "mail": {
        "name": "send_mail",
        "description": gettext_noop("Sends a mail, after the user has agreed to its text."),
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "string", "description": gettext_noop("Address of the receiver")},
                "subject": {"type": "string"},
                "body": {"type": "string"},
            },
            "required": ["to", "subject", "body"],
        },
    },
}

JSON_WORDS = {"true": "True", "false": "False", "null": "None"}


@dataclass(frozen=True)
class FunctionText:
    """A function in the form. ``key`` tells it from the others while its name is being typed."""

    key: str
    text: str
    name: str = ""
    parameters: int = 0
    error: str = ""
    tool: Wire | None = None
    is_new: bool = False


def of_tools(tools: Sequence[Wire]) -> list[FunctionText]:
    """Those of an assistant."""
    found = [tool["function"] for tool in tools if tool["type"] == "function"]
    return checked([(new_key(), json_text.write(_shown(function))) for function in found])


def wanted(data: QueryDict) -> str:
    """Which function is to be added: ``example``, ``blank``, the name of a sample, or none. Enter
    in a field asks for that of the example call, as long as none was made of it.
    """
    call = data.get("example", "")
    if "entered" in data and call.strip() and call != data.get("made_of"):
        return "example"
    return data.get("add_function", "")


def made_of(data: QueryDict) -> str:
    """The example call of which a function was made last: it stays in its field."""
    is_made = wanted(data) == "example" and _added(data) is not None
    return data.get("example" if is_made else "made_of", "")


def of_data(data: QueryDict) -> list[FunctionText]:
    """What was typed, with one more or one less if a button for that was pressed."""
    texts = [text.replace("\r\n", "\n") for text in data.getlist("function")]
    keys = data.getlist("function_key")
    dropped = data.get("drop_function")
    # An emptied box is not right yet; it takes no function away, since the form saves by itself.
    pairs = [(key, text) for key, text in zip(keys, texts, strict=False) if key != dropped]
    added = _added(data)
    if added is None:
        return checked(pairs)
    names = {one.name for one in checked(pairs)}
    found = checked([*pairs, (new_key(), json_text.write(_renamed(added, names)))])
    return [*found[:-1], replace(found[-1], is_new=True)]


def checked(pairs: Iterable[tuple[str, str]]) -> list[FunctionText]:
    """The texts, and what is wrong with each."""
    found: list[FunctionText] = []
    for key, text in pairs:
        one = _checked(FunctionText(key, text))
        if one.name and any(one.name == other.name for other in found):
            said = _("Another function is called {name}. Rename one of them.")
            one = replace(one, error=said.format(name=one.name))
        found.append(one)
    return found


def new_key() -> str:
    return secrets.token_hex(4)


def from_call(text: str) -> Wire:
    """A function as it would be called: ``get_weather(city="Oslo", days=3)``, or its arguments as
    JSON.

    :raises ValidationError: it is neither
    """
    text = text.strip()
    if text.startswith("{"):
        given = json_text.read_object(text)
        name, arguments = given.get("name"), given.get("arguments")
        if isinstance(name, str) and isinstance(arguments, str):
            arguments = json_text.read_object(arguments)
        if not (isinstance(name, str) and isinstance(arguments, dict)):
            name, arguments = "my_function", given
    else:
        name, arguments = _python_call(text)
    return {**BLANK, "name": name, "parameters": _schema(arguments)}


def _python_call(text: str) -> tuple[str, Wire]:
    hint = _('Write a call such as get_weather(city="Oslo", days=3), or its arguments as JSON.')
    try:
        call = ast.parse(text[:10_000], mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)) or call.args:
            raise ValidationError(hint)
        arguments = {word.arg or "": _value(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValidationError(hint) from error
    if "" in arguments:
        raise ValidationError(hint)
    return call.func.id, arguments


def _value(node: ast.expr) -> Any:
    """What an argument is. The words of JSON are taken, too.

    :raises ValueError: it has to be computed
    """
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id in JSON_WORDS:
            inner.id = JSON_WORDS[inner.id]
    return ast.literal_eval(ast.unparse(node))


def _schema(value: Any, depth: int = 0) -> Wire:
    """A schema that the value fits."""
    if depth > 20:
        return {}
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {str(name): _schema(inner, depth + 1) for name, inner in value.items()},
            "required": [str(name) for name in value],
        }
    if isinstance(value, list | tuple | set):
        items = list(value)
        return {"type": "array", "items": _schema(items[0], depth + 1) if items else {}}
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {}


def _added(data: QueryDict) -> Wire | None:
    name = wanted(data)
    if name == "example":
        try:
            return _in_words(from_call(data.get("example", "")))
        except ValidationError:
            return None  # the form says what is wrong with it
    sample = BLANK if name == "blank" else SAMPLES.get(name)
    return _in_words(sample) if sample else None


def _in_words(schema: Wire) -> Wire:
    """With what a model is told of it in the language of who asked for it."""
    return {
        key: _in_words(value)
        if isinstance(value, dict)
        else _(value)
        if key == "description"
        else value
        for key, value in schema.items()
    }


def _renamed(function: Wire, names: set[str]) -> Wire:
    """The function under a name that none of the others has."""
    name = base = function["name"]
    number = 2
    while name in names:
        name, number = f"{base[:60]}_{number}", number + 1
    return {**function, "name": name}


def _checked(one: FunctionText) -> FunctionText:
    try:
        given = json_text.read_object(one.text)
        if given.get("type") == "function" and isinstance(given.get("function"), dict):
            given = given["function"]
        tool = validate(FunctionTool, {"type": "function", "function": given})
    except ValidationError as error:
        return replace(one, error=error.messages[0])
    except Invalid as error:
        return replace(one, error=refusal(error))
    parameters = tool.function.parameters.get("properties", {})
    wire = tool.model_dump(mode="json", by_alias=True)
    return replace(one, name=tool.function.name, parameters=len(parameters), tool=wire)


def _shown(function: Wire) -> Wire:
    """Without what says no more than nothing would."""
    return {name: value for name, value in function.items() if not (name == "strict" and not value)}

"""Filters on the attributes of a store's files, as a test of one file.

They are tried in Python, not in SQL: databases disagree on how JSON values of different types
compare, and a store has thousands of files, not millions.
"""

import operator
from collections.abc import Callable
from typing import Any, Final

from assistants.errors import Wire

Test = Callable[[Wire], bool]

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def test_of(condition: Wire) -> Test:
    """Whether a file's attributes meet a condition, which ``params`` has checked.

    Values of different kinds (text, number, boolean) are never equal and never in an order. A file
    without the key is not equal to any value, so ``ne`` and ``nin`` let it pass.
    """
    kind = condition["type"]
    if kind in ("and", "or"):
        tests = [test_of(inner) for inner in condition["filters"]]
        every = all if kind == "and" else any
        return lambda attributes: every(test(attributes) for test in tests)
    key, value = condition["key"], condition["value"]
    if kind in _ORDERS:
        order = _ORDERS[kind]
        return lambda attributes: (
            _kind(attributes.get(key)) == _kind(value) and order(attributes[key], value)
        )
    wanted = {(_kind(one), one) for one in (value if isinstance(value, list) else [value])}
    negated = kind in ("ne", "nin")
    return lambda attributes: (
        ((_kind(attributes.get(key)), attributes.get(key)) in wanted) != negated
    )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "nothing" if value is None else "number"

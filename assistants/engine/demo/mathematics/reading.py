"""Finds mathematics in sentences and reads it.

What cannot be read is refused, so that a person's text never gets into code but as numbers, known
functions and one-letter names.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from assistants.engine.demo.mathematics.expressions import (
    Apply,
    Binary,
    Expression,
    Name,
    Negative,
    Number,
)

FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "arcsin", "asin": "arcsin", "arccos": "arccos", "acos": "arccos",
    "arctan": "arctan", "atan": "arctan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "exp": "exp", "ln": "log", "log": "log", "sqrt": "sqrt", "abs": "abs", "√": "sqrt",
}  # fmt: skip
"""What people write, and the name it goes by here (numpy's own)."""

CALLED_CONSTANTS = {"pi": "pi", "π": "pi", "e": "e"}

MOST_TOKENS = 120
DEEPEST = 30

TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-zπθ√]+)"
    r"|(?P<operator>\*\*|[-+*/^()=!²³×÷·−%])"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
SAME = {"×": "*", "·": "*", "÷": "/", "−": "-", "^": "**"}


class NotMathematics(ValueError):
    """The text cannot be read as an expression."""


class Token(NamedTuple):
    kind: str
    text: str
    after_space: bool
    start: int
    end: int


class Found(NamedTuple):
    """An expression in a text, and where it stands."""

    expression: Expression
    start: int
    end: int


def parse(text: str) -> Expression:
    """The whole text as one expression."""
    tokens = list(_tokens(text))
    parser = _Parser(tokens)
    expression = parser.sum()
    if parser.at < len(tokens):
        raise NotMathematics(text)
    return expression


def find(text: str, *, variables: str = "") -> list[Found]:
    """The expressions in a sentence, in order. `variables`: letters that may stand for numbers."""
    found = (_longest(run) for run in _runs(list(_tokens(text)), variables))
    return [one for one in found if one is not None]


def ending(text: str, *, variables: str) -> Expression | None:
    """The longest expression that the text ends with."""
    runs = _runs(list(_tokens(text)), variables)
    if not runs or runs[-1][-1].end < len(text.rstrip()):
        return None
    run = runs[-1]
    for first in range(len(run)):
        if (expression := _try(run[first:])) is not None:
            return expression
    return None


def beginning(text: str, *, variables: str) -> Expression | None:
    """The longest expression that the text begins with."""
    runs = _runs(list(_tokens(text)), variables)
    if not runs or text[: runs[0][0].start].strip():
        return None
    run = runs[0]
    for last in range(len(run), 0, -1):
        if (expression := _try(run[:last])) is not None:
            return expression
    return None


def _tokens(text: str) -> Iterator[Token]:
    after_space = False
    for found in TOKEN.finditer(text):
        kind = found.lastgroup or "other"
        if kind == "space":
            after_space = True
            continue
        word = SAME.get(found[0], found[0])
        yield Token(kind, word, after_space, found.start(), found.end())
        after_space = False


def _runs(tokens: list[Token], variables: str) -> list[list[Token]]:
    """Stretches of tokens that may be mathematics."""
    runs: list[list[Token]] = [[]]
    for token in tokens:
        known = token.kind in {"number", "operator"} and token.text != "="
        if token.kind == "name":
            known = bool(_split_name(token.text, variables))
        # "x y" and "a 3" are words that stand side by side, not a product; "sqrt 2" is fine.
        after_word = bool(runs[-1]) and runs[-1][-1].kind == "name"
        if after_word and runs[-1][-1].text.lower() in FUNCTIONS:
            after_word = False
        if known and after_word and token.after_space and token.kind != "operator":
            runs.append([])
        if known:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _split_name(name: str, variables: str | None) -> list[str]:
    """A name as the known names that it is made of: "xy" is x and y; [] when it is just a word."""
    if name.lower() in FUNCTIONS or name.lower() in CALLED_CONSTANTS:
        return [name.lower()]
    if name == "theta":
        name = "θ"
    allowed = "abcdfghjklmnopqrstuvwxyzXYZθ" if variables is None else variables
    if len(name) <= 2 and all(letter in allowed for letter in name):
        return list(name)
    return []


def _longest(run: list[Token]) -> Found | None:
    """What can be read of a run when stray signs at its ends are left out."""
    for cut in range(min(len(run), 6)):
        for first in range(cut + 1):
            part = run[first : len(run) - (cut - first)]
            if part and (expression := _try(part)) is not None:
                return Found(expression, part[0].start, part[-1].end)
    return None


def _try(tokens: list[Token]) -> Expression | None:
    try:
        parser = _Parser(tokens)
        expression = parser.sum()
    except NotMathematics:
        return None
    return expression if parser.at == len(tokens) else None


class _Parser:
    """Recursive descent; juxtaposition multiplies."""

    def __init__(self, tokens: list[Token]) -> None:
        if len(tokens) > MOST_TOKENS:
            raise NotMathematics("too long")
        self._tokens = tokens
        self._depth = 0
        self._names: list[str] = []
        """Letters of a compound name such as "xy" that are still to be read."""
        self.at = 0

    def sum(self) -> Expression:
        return self._chain(self._product, {"+", "-"})

    def _chain(self, operand: Callable[[], Expression], operators: set[str]) -> Expression:
        expression = operand()
        while (operator := self._peek()) in operators:
            self.at += 1
            expression = Binary(operator, expression, operand())
        return expression

    def _product(self) -> Expression:
        expression = self._signed()
        while True:
            operator = self._peek()
            if operator in {"*", "/"} or (operator == "%" and self._starts_operand(1)):
                self.at += 1
                expression = Binary(operator, expression, self._signed())
            elif self._names or self._starts_operand(0):
                expression = Binary("*", expression, self._power())
            else:
                return expression

    def _signed(self) -> Expression:
        with_sign = self._peek()
        if with_sign in {"-", "+"}:
            self.at += 1
            self._deeper()
            operand = self._signed()
            self._depth -= 1
            return Negative(operand) if with_sign == "-" else operand
        return self._power()

    def _power(self) -> Expression:
        base = self._postfix(self._atom())
        if not self._names and self._peek() == "**":
            self.at += 1
            self._deeper()
            exponent = self._signed()
            self._depth -= 1
            return Binary("**", base, exponent)
        return base

    def _postfix(self, expression: Expression) -> Expression:
        if self._names:
            return expression
        while (sign := self._peek()) in {"²", "³", "!", "%"}:
            if sign == "%" and self._starts_operand(1):
                break
            self.at += 1
            if sign == "!":
                expression = Apply("factorial", expression)
            elif sign == "%":
                expression = Binary("/", expression, Number("100"))
            else:
                expression = Binary("**", expression, Number("2" if sign == "²" else "3"))
        return expression

    def _atom(self) -> Expression:
        if self._names:
            return Name(self._names.pop(0))
        token = self._next()
        if token.kind == "number":
            # Python refuses 007 and reads .5 well; people write both.
            digits = token.text.lstrip("0") or "0"
            return Number(f"0{digits}" if digits.startswith(".") else digits)
        if token.text == "(":
            return self._group()
        if token.kind != "name":
            raise NotMathematics(token.text)
        name, *rest = _split_name(token.text, None) or [token.text]
        if name in FUNCTIONS:
            return self._apply(FUNCTIONS[name])
        if name in CALLED_CONSTANTS:
            return Name(CALLED_CONSTANTS[name])
        if len(name) != 1:
            raise NotMathematics(name)
        self._names = rest
        return Name("theta" if name == "θ" else name)

    def _apply(self, function: str) -> Expression:
        """`sin(x)`, also `sin x`, `sin 2x` and `sin²(x)`."""
        power = {"²": "2", "³": "3"}.get(self._peek())
        if power:
            self.at += 1
        self._deeper()
        if self._peek() == "(":
            self.at += 1
            argument = self._group()
        else:
            argument = self._power()
            if isinstance(argument, Number) and self._starts_name():
                argument = Binary("*", argument, self._power())
        self._depth -= 1
        applied = Apply(function, argument)
        return Binary("**", applied, Number(power)) if power else applied

    def _group(self) -> Expression:
        self._deeper()
        expression = self.sum()
        self._depth -= 1
        if self._next().text != ")":
            raise NotMathematics("an open bracket")
        return expression

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self.at >= len(self._tokens):
            raise NotMathematics("an early end")
        self.at += 1
        return self._tokens[self.at - 1]

    def _starts_operand(self, ahead: int) -> bool:
        at = self.at + ahead
        if at >= len(self._tokens):
            return False
        token = self._tokens[at]
        if token.kind == "number" and ahead == 0 and self._tokens[at - 1].kind == "number":
            return False
        return token.kind in {"number", "name"} or token.text == "("

    def _starts_name(self) -> bool:
        return self.at < len(self._tokens) and self._tokens[self.at].kind == "name"

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotMathematics("too deep")

"""Writes expressions: as Python for one library or another, and as LaTeX."""

import re
from dataclasses import dataclass

from assistants.engine.demo.mathematics.expressions import (
    CONSTANTS,
    Apply,
    Binary,
    Expression,
    Name,
    Negative,
    Number,
)
from assistants.engine.demo.mathematics.reading import NotMathematics, parse


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a Python library writes functions and constants."""

    prefix: str
    others: dict[str, str]
    """Names that are not the prefix and our own name."""
    exact_fractions: bool = False

    def name(self, ours: str) -> str:
        return self.others.get(ours, self.prefix + ours)


MATH = Dialect(
    "math.",
    {"arcsin": "math.asin", "arccos": "math.acos", "arctan": "math.atan", "abs": "abs"},
)
NUMPY = Dialect("np.", {})
SYMPY = Dialect(
    "sp.",
    {"arcsin": "sp.asin", "arccos": "sp.acos", "arctan": "sp.atan", "abs": "sp.Abs", "e": "sp.E"},
    exact_fractions=True,
)

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "**": 4}
NEGATION, ATOM = 3, 5


def to_python(expression: Expression, dialect: Dialect) -> str:
    """Python source, such as `x**2 - 3 * x`."""
    return _python(expression, dialect)[0]


def _python(expression: Expression, dialect: Dialect) -> tuple[str, int]:
    """The source and how tightly it binds."""

    def inside(part: Expression, least: int) -> str:
        source, binds = _python(part, dialect)
        return source if binds >= least else f"({source})"

    match expression:
        case Number(text):
            return text, ATOM
        case Name(name):
            return (dialect.name(name) if name in CONSTANTS else name), ATOM
        case Negative(operand):
            return f"-{inside(operand, NEGATION + 1)}", NEGATION
        case Apply(function, argument):
            return f"{dialect.name(function)}({_python(argument, dialect)[0]})", ATOM
        case Binary("/", Number(top), Number(bottom)) if dialect.exact_fractions:
            # 1 / 3 in Python is 0.333...; whole numbers of any length are digits alone.
            if top.isdigit() and bottom.isdigit():
                return f"{dialect.prefix}Rational({top}, {bottom})", ATOM
            return f"{top} / {bottom}", PRECEDENCE["/"]
        case Binary("**", left, right):
            return f"{inside(left, ATOM)}**{inside(right, NEGATION)}", PRECEDENCE["**"]
        case Binary(operator, left, right):
            binds = PRECEDENCE[operator]
            return f"{inside(left, binds)} {operator} {inside(right, binds + 1)}", binds


def to_latex(expression: Expression) -> str:
    """LaTeX without its delimiters, such as `x^{2} - 3x`."""
    return _latex(expression)[0]


def printed_to_latex(printed: str) -> str:
    """What SymPy printed, as LaTeX; in plain letters where it is more than our grammar knows."""
    printed = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", printed)
    printed = re.sub(r"(?<=\d)\.(?!\d)", "", printed)
    if power := re.fullmatch(r"(-?[\d.]+)e([-+]?\d+)", printed):
        return rf"{power[1]} \times 10^{{{int(power[2])}}}"
    try:
        return to_latex(parse(re.sub(r"\bI\b", "i", printed)))
    except NotMathematics:
        return rf"\mathtt{{{re.sub(r'[^-+*/().,= A-Za-z0-9]', ' ', printed)}}}"


def _latex(expression: Expression) -> tuple[str, int]:
    def inside(part: Expression, least: int) -> str:
        source, binds = _latex(part)
        return source if binds >= least else rf"\left({source}\right)"

    match expression:
        case Number(text):
            return text, ATOM
        case Name("pi"):
            return r"\pi", ATOM
        case Name("θ" | "theta"):
            return r"\theta", ATOM
        case Name(name):
            return name, ATOM
        case Negative(operand):
            return f"-{inside(operand, NEGATION + 1)}", NEGATION
        case Apply("sqrt", argument):
            return rf"\sqrt{{{_latex(argument)[0]}}}", ATOM
        case Apply("abs", argument):
            return rf"\left|{_latex(argument)[0]}\right|", ATOM
        case Apply("factorial", argument):
            return f"{inside(argument, ATOM)}!", ATOM
        case Apply(function, argument):
            name = rf"\{'ln' if function == 'log' else function}"
            return rf"{name}\left({_latex(argument)[0]}\right)", ATOM
        case Binary("**", left, right):
            return f"{inside(left, ATOM)}^{{{_latex(right)[0]}}}", PRECEDENCE["**"]
        case Binary("/", left, right):
            return rf"\frac{{{_latex(left)[0]}}}{{{_latex(right)[0]}}}", ATOM
        case Binary("*", left, right):
            first, second = inside(left, 2), inside(right, NEGATION)
            if second[0].isdigit() or second[0] == "-":
                return rf"{first} \cdot {second}", 2
            return f"{first}{second}" if isinstance(left, Number) else f"{first} {second}", 2
        case Binary("%", left, right):
            return rf"{inside(left, 2)} \bmod {inside(right, 3)}", 2
        case Binary(operator, left, right):
            return f"{inside(left, 1)} {operator} {inside(right, 2)}", 1

"""Small mathematics as a tree: numbers, names, signs and functions. Nothing is computed here."""

from dataclasses import dataclass

CONSTANTS = {"pi", "e"}
"""Names that stand for one number."""


@dataclass(frozen=True, slots=True)
class Number:
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable or a constant."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of one argument; "factorial" too."""

    function: str
    argument: "Expression"


Expression = Number | Name | Negative | Binary | Apply


def names_in(expression: Expression) -> list[str]:
    """The variables of an expression, in order of appearance."""
    match expression:
        case Number():
            return []
        case Name(name):
            return [] if name in CONSTANTS else [name]
        case Negative(operand) | Apply(_, operand):
            return names_in(operand)
        case Binary(_, left, right):
            return list(dict.fromkeys(names_in(left) + names_in(right)))


def functions_in(expression: Expression) -> set[str]:
    """The functions and operators that an expression uses."""
    match expression:
        case Number() | Name():
            return set()
        case Negative(operand):
            return functions_in(operand)
        case Apply(function, argument):
            return {function} | functions_in(argument)
        case Binary(operator, left, right):
            return {operator} | functions_in(left) | functions_in(right)


def is_linear(expression: Expression) -> bool:
    """A sum of numbers and of numbers times one variable; the easy equations of school."""
    match expression:
        case Number() | Name():
            return True
        case Negative(operand):
            return is_linear(operand)
        case Apply():
            return not names_in(expression)
        case Binary("+" | "-", left, right):
            return is_linear(left) and is_linear(right)
        case Binary("*", left, right):
            one_is_number = not names_in(left) or not names_in(right)
            return one_is_number and is_linear(left) and is_linear(right)
        case Binary("/", left, right):
            return is_linear(left) and not names_in(right)
        case Binary():
            return not names_in(expression)

"""Solves equations and transforms expressions with SymPy, and explains the result in LaTeX."""

import re
from dataclasses import dataclass
from itertools import pairwise

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.mathematics.expressions import (
    Expression,
    Name,
    Number,
    functions_in,
    is_linear,
    names_in,
)
from assistants.engine.demo.mathematics.reading import beginning, ending, find
from assistants.engine.demo.mathematics.writing import SYMPY, printed_to_latex, to_latex, to_python
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.words import Language, heard

VARIABLES = "abckmnpqrstuvwxyzXYZθ"
MOST_EQUATIONS = 4
PLAIN = re.compile(r"-?\d*(?:\*?I)?|-?\d+\.\d{0,6}0*")
"""Solutions that say everything without decimals."""
LONGEST_EXACT = 40
"""Characters of an exact solution that still tell something."""

SOLVE = heard(
    r"\b(?:solve|solution|root|zero)s?\b|\bfind\s+(?:the\s+)?(?:value\s+of\s+)?[a-z]\b|解|求"
)

SOLVE_FOR = re.compile(r"\b(?:for|求)\s+([a-zA-Zθ])\b")


@dataclass(frozen=True, slots=True)
class Equation:
    left: Expression
    right: Expression

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(names_in(self.left) + names_in(self.right)))

    @property
    def latex(self) -> str:
        return f"{to_latex(self.left)} = {to_latex(self.right)}"


@dataclass(frozen=True, slots=True)
class Transformation:
    """Something SymPy does to one expression."""

    called: re.Pattern[str]
    spoken: words.Phrase
    source: str


TRANSFORMATIONS = (
    Transformation(
        heard(r"\bderivat\w*|\bdifferentiat\w*|導數|微分|導函數"),
        words.DERIVATIVE,
        "sp.diff({expression}, {name})",
    ),
    Transformation(
        heard(r"\bintegra(?:l|te)\b|\bantiderivative\b|積分"),
        words.INTEGRAL,
        "sp.integrate({expression}, {name})",
    ),
    Transformation(
        heard(r"\bfactor(?:i[sz]e|ed)?\b|因式分解"),
        words.FACTORED,
        "sp.factor({expression})",
    ),
    Transformation(heard(r"\bexpand\b|展開"), words.EXPANDED, "sp.expand({expression})"),
    Transformation(heard(r"\bsimplify\b|化簡"), words.SIMPLIFIED, "sp.simplify({expression})"),
)


def plan(conversation: Conversation) -> RunCode | None:
    text, language = conversation.text, conversation.language
    if transformed := _transformed(text):
        return _transform(*transformed, language)
    equations = _equations(text)
    if not equations:
        return None
    if len(equations) == 1 and len(equations[0].names) == 1:
        return _solve(equations[0], language)
    return _solve_system(equations, text, language)


def _transformed(text: str) -> tuple[Transformation, Expression] | None:
    for transformation in TRANSFORMATIONS:
        if transformation.called.search(text):
            found = [one.expression for one in find(text, variables=VARIABLES)]
            fitting = [one for one in found if functions_in(one) and names_in(one)]
            if fitting:
                return transformation, fitting[0]
    return None


def _transform(wanted: Transformation, expression: Expression, language: Language) -> RunCode:
    names = names_in(expression)
    source = wanted.source.format(expression="expression", name=names[0])
    code = f"""\
import sympy as sp

{_symbols(names)}
expression = {to_python(expression, SYMPY)}
result = {source}
print('result:', result)
"""

    def told(output: Output) -> str:
        value = printed_to_latex(output.value("result") or "")
        if wanted.spoken is words.INTEGRAL:
            value += " + C"
        what = wanted.spoken.say(language)
        latex = to_latex(expression)
        return words.TRANSFORMED.say(language, what=what, expression=latex, value=value)

    return RunCode(code, told)


def _equations(text: str) -> list[Equation]:
    """What stands around each equals sign; with `solve` also `x^2 - 5x + 6`, taken as 0."""
    text = text.replace("==", "=")
    found = []
    parts = text.split("=")[: MOST_EQUATIONS + 1]
    for before, after in pairwise(parts):
        left = ending(before, variables=VARIABLES)
        right = beginning(after.lstrip(" `$"), variables=VARIABLES)
        if left is not None and right is not None:
            equation = Equation(left, right)
            if equation.names:
                found.append(equation)
    if not found and SOLVE.search(text) and "=" not in text:
        lone = [one.expression for one in find(text, variables="xyzt")]
        found = [Equation(one, Number("0")) for one in lone if functions_in(one) and names_in(one)]
    return found[:MOST_EQUATIONS]


def _symbols(names: list[str]) -> str:
    joined = ", ".join(names)
    return f"{joined} = sp.symbols({joined.replace(',', '')!r})"


def _solve(equation: Equation, language: Language) -> RunCode:
    """One equation with one unknown; where it is linear, with the steps of school."""
    name = equation.names[0]
    linear = is_linear(equation.left) and is_linear(equation.right)
    steps = f"""
# Bring everything with {name} to the left, the numbers to the right
difference = sp.expand(left - right)
print('collected:', difference.coeff({name}, 1), '* {name} =', -difference.coeff({name}, 0))
"""
    code = f"""\
import sympy as sp

{_symbols([name])}
left = {_sympified(equation.left)}
right = {_sympified(equation.right)}
{steps if linear else ""}
if sp.simplify(left - right) == 0:
    print('every value: yes')

# Solve, and check by putting each solution into both sides
for value in sp.solve(left - right, {name}):
    print('{name} =', value, 'or about', sp.N(value, 6))
    print('check:', sp.simplify(left.subs({name}, value)), '=', right.subs({name}, value))
"""
    numerically = f"""\
import sympy as sp

{_symbols([name])}
left = {_sympified(equation.left)}
right = {_sympified(equation.right)}

# No closed form: look for a number near 1
value = sp.nsolve(left - right, {name}, 1)
print('{name} =', value, 'or about', sp.N(value, 6))
"""
    return RunCode(code, lambda output: _explained(equation, name, output, language), numerically)


def _sympified(expression: Expression) -> str:
    """A plain number has no `subs`; as a SymPy number it has."""
    source = to_python(expression, SYMPY)
    return source if names_in(expression) else f"sp.sympify({source})"


def _explained(equation: Equation, name: str, output: Output, language: Language) -> str:
    said = [words.SOLVING.say(language, equation=equation.latex)]
    letter = to_latex(Name(name))
    values = [
        (exact, about)
        for start, exact, about in map(_split_solution, output.printed.splitlines())
        if start == name
    ]
    if output.value("every value"):
        return "\n\n".join([*said, words.ALWAYS_TRUE.say(language)])
    if not values:
        return "\n\n".join([*said, words.NO_SOLUTION.say(language)])
    factor, _, number = (output.value("collected") or "").partition(f" * {name} = ")
    if number and factor != "0":
        said.append(_steps(letter, factor, number, values[0][0], language))
    solutions = [_solution(letter, exact, about) for exact, about in values]
    said.append(_listed(solutions, language))
    left, equals, right = (output.value("check") or "").partition(" = ")
    if len(values) == 1 and equals:
        sides = {"left": _math(printed_to_latex(left)), "right": _math(printed_to_latex(right))}
        said.append(words.CHECKED.say(language, **sides))
    return "\n\n".join(said)


def _split_solution(line: str) -> tuple[str, str, str]:
    """`x = sqrt(2) or about 1.41421` in its three parts."""
    name, _, values = line.partition(" = ")
    exact, _, about = values.partition(" or about ")
    return name, exact, about


def _steps(letter: str, factor: str, number: str, value: str, language: Language) -> str:
    """How a linear equation is solved by hand."""
    times = {"1": "", "-1": "-"}.get(factor, printed_to_latex(factor))
    collected = f"{times}{letter} = {printed_to_latex(number)}"
    steps = [words.COLLECTED.say(language, name=letter, collected=collected)]
    if factor != "1":
        solution = f"{letter} = {printed_to_latex(value)}"
        divisor = printed_to_latex(factor)
        steps.append(words.DIVIDED.say(language, factor=divisor, solution=solution))
    return "\n".join(steps)


def _solution(letter: str, exact: str, about: str) -> str:
    """`x = 1`, with decimals where the exact value hides them, and those alone where it is long."""
    if re.fullmatch(PLAIN, exact):
        return f"{letter} = {printed_to_latex(exact)}"
    near = rf"{letter} \approx {printed_to_latex(about)}"
    if len(exact) > LONGEST_EXACT or re.fullmatch(r"-?[\d.]+", exact):
        return near
    return rf"{letter} = {printed_to_latex(exact)} \approx {printed_to_latex(about)}"


def _listed(solutions: list[str], language: Language) -> str:
    if len(solutions) == 1:
        return words.SOLUTION.say(language, solution=solutions[0])
    lines = "\n".join(f"- {_math(solution)}" for solution in solutions)
    return words.SOLUTIONS.say(language, solutions=lines)


def _math(latex: str) -> str:
    return rf"\( {latex} \)"


def _solve_system(equations: list[Equation], text: str, language: Language) -> RunCode:
    """Several equations, or one with several unknowns."""
    names = list(dict.fromkeys(name for equation in equations for name in equation.names))
    unknowns = names if len(equations) >= len(names) else names[: len(equations)]
    if (wanted := SOLVE_FOR.search(text)) and wanted[1] in names and len(equations) == 1:
        unknowns = [wanted[1]]
    lines = "\n".join(
        f"    sp.Eq({to_python(equation.left, SYMPY)}, {to_python(equation.right, SYMPY)}),"
        for equation in equations
    )
    code = f"""\
import sympy as sp

{_symbols(names)}
equations = [
{lines}
]
solutions = sp.solve(equations, [{", ".join(unknowns)}], dict=True)
for solution in solutions:
    print('solution:', ', '.join(f'{{name}} = {{value}}' for name, value in solution.items()))
"""
    latex = r" \) , \( ".join(equation.latex for equation in equations)

    def told(output: Output) -> str:
        said = [words.SOLVING.say(language, equation=latex)]
        lines = [line for line in output.printed.splitlines() if line.startswith("solution: ")]
        solutions = [_values(line.removeprefix("solution: ")) for line in lines]
        said.append(_listed(solutions, language) if solutions else words.NO_SOLUTION.say(language))
        return "\n\n".join(said)

    return RunCode(code, told)


def _values(line: str) -> str:
    """`x = 3, y = 2` as LaTeX."""
    pairs = (pair.partition(" = ") for pair in line.split(", "))
    return r",\quad ".join(
        f"{printed_to_latex(name)} = {printed_to_latex(value)}" for name, _, value in pairs
    )

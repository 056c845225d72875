"""Mathematics in sentences: what is read, what is refused, how it is written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.engine.demo.mathematics.expressions import is_linear
from assistants.engine.demo.mathematics.reading import (
    NotMathematics,
    beginning,
    ending,
    find,
    parse,
)
from assistants.engine.demo.mathematics.writing import (
    NUMPY,
    SYMPY,
    printed_to_latex,
    to_latex,
    to_python,
)


@pytest.mark.parametrize(
    "text, python, latex",
    [
        ("3x+11", "3 * x + 11", "3x + 11"),
        ("x^2 - 3x", "x**2 - 3 * x", "x^{2} - 3x"),
        ("2(x+1)(x-1)", "2 * (x + 1) * (x - 1)", r"2\left(x + 1\right) \left(x - 1\right)"),
        ("sin 2x + cos x", "np.sin(2 * x) + np.cos(x)",
         r"\sin\left(2x\right) + \cos\left(x\right)"),
        ("sin²(x)", "np.sin(x)**2", r"\sin\left(x\right)^{2}"),
        ("-x^2", "-(x**2)", "-x^{2}"),
        ("2^-3", "2**-3", "2^{-3}"),
        ("1 - (2 - 3)", "1 - (2 - 3)", r"1 - \left(2 - 3\right)"),
        ("-(-2)", "-(-2)", r"-\left(-2\right)"),
        ("6 ÷ 2 × 3", "6 / 2 * 3", r"\frac{6}{2} \cdot 3"),
        ("17 % 5", "17 % 5", r"17 \bmod 5"),
        ("15%", "15 / 100", r"\frac{15}{100}"),
        ("xy", "x * y", "x y"),
        ("π r²", "np.pi * r**2", r"\pi r^{2}"),
        ("√(2)", "np.sqrt(2)", r"\sqrt{2}"),
        ("|", None, None),
        ("007", "7", "7"),
        ("hello", None, None),
        ("__import__('os')", None, None),
        ("x.__class__", None, None),
        ("2 3", None, None),
        ("(((", None, None),
        ("", None, None),
        ("(" * 100 + "1" + ")" * 100, None, None),
        ("1+" * 500 + "1", None, None),
    ],
)  # fmt: skip
def test_an_expression_is_read_or_refused(text: str, python: str | None, latex: str | None) -> None:
    if python is None:
        with pytest.raises(NotMathematics):
            parse(text)
    else:
        assert to_python(parse(text), NUMPY).replace("-(x**2)", "-x**2") == python.replace(
            "-(x**2)", "-x**2"
        )
        assert to_latex(parse(text)) == latex


def test_fractions_stay_exact_for_sympy() -> None:
    assert to_python(parse("1/3 x + e"), SYMPY) == "sp.Rational(1, 3) * x + sp.E"


def test_expressions_are_found_between_words() -> None:
    found = find("What is a 3 + 4 now, or sqrt 16?")
    assert [to_python(one.expression, NUMPY) for one in found] == ["3 + 4", "np.sqrt(16)"]
    assert find("not a number in sight") == []


def test_both_sides_of_an_equals_sign() -> None:
    left = ending("I need to solve the equation 3x + 11 ", variables="x")
    right = beginning(" 14. Can you help?", variables="x")
    assert left == parse("3x + 11")
    assert right == parse("14")
    assert ending("no, nothing here", variables="x") is None


def test_linear_or_not() -> None:
    assert is_linear(parse("3(x - 2)/4 + 1"))
    assert not is_linear(parse("x^2"))
    assert not is_linear(parse("1/x"))
    assert not is_linear(parse("sin(x)"))


@pytest.mark.parametrize(
    "printed, latex",
    [
        ("2.50000000000000", "2.5"),
        ("3.98e+6020", r"3.98 \times 10^{6020}"),
        ("sqrt(2)/2", r"\frac{\sqrt{2}}{2}"),
        ("1.0*I", "1i"),
        ("100", "100"),
        ("Piecewise((1, x > 0))", r"\mathtt{Piecewise((1, x   0))}"),
    ],
)
def test_what_sympy_prints_as_latex(printed: str, latex: str) -> None:
    assert printed_to_latex(printed) == latex


@given(st.text(alphabet="0123456789.xyeπ+-*/^%!()² sincoqrtabl", max_size=40))
def test_what_is_written_is_python(text: str) -> None:
    for found in find(text, variables="xy"):
        compile(to_python(found.expression, NUMPY), "<expression>", "eval")
        compile(to_python(found.expression, SYMPY), "<expression>", "eval")

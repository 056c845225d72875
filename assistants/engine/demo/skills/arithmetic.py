"""Computes: `12*7+3`, `sqrt(2)`, `15% of 80`, in Python that runs in the sandbox."""

import re

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.mathematics.expressions import Expression, functions_in
from assistants.engine.demo.mathematics.reading import find
from assistants.engine.demo.mathematics.writing import (
    MATH,
    SYMPY,
    printed_to_latex,
    to_latex,
    to_python,
)
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.words import heard

COMPUTE = heard(r"\b(?:calculate|compute|evaluate|work out|how much is)\b|計算|算出|等於")
ASKED = heard(
    r"\bwhat(?:'s|s| is| are| does)\b|\bhow (?:much|many)\b"
    r"|\b(?:solve|add|sum|multiply|divide|subtract|result|equals?)\b|=\s*\?*\s*$"
    r"|多少|計算|算|等於|是什麼|\?|？"
)
NUMBER = r"(?<![\d.])(\d+(?:\.\d+)?)"
SPOKEN: tuple[tuple[str, str], ...] = (
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (
        rf"\b(sin|cos|tan)(?:e|ine|gent)?\s+(?:of\s+)?{NUMBER}\s*(?:degrees?\b|°|度)",
        r" \1(\2*pi/180) ",
    ),
    (r"\b(?:the )?square root of\b|平方根", " sqrt "),
    (rf"\bcube root of\s*{NUMBER}", r" (\1)**(1/3) "),
    (rf"\b(?:the )?factorial of\s*{NUMBER}", r" \1! "),
    (rf"{NUMBER}\s*(?:%|percent)\s*off\s+(?:of\s+)?\$?{NUMBER}", r" \2 * (1 - \1/100) "),
    (rf"{NUMBER}\s*(?:%|percent)\s*of\s*\$?", r" \1/100 * "),
    (rf"{NUMBER}\s*的\s*{NUMBER}\s*%", r" \1 * \2/100 "),
    (r"根號", " sqrt "),
    (r"\bplus\b|加上?", " + "),
    (r"\bminus\b|減去?", " - "),
    (r"\btimes\b|\bmultiplied by\b|乘以?", " * "),
    (r"\bdivided by\b|\bover\b|除以", " / "),
    (r"(?<=[\d)])\s{0,9}[xX]\s{0,9}(?=[\d(])", " * "),
    (r"\bsquared\b|的?平方", "**2 "),
    (r"\bcubed\b|的?立方", "**3 "),
    (r"\bto the power of\b", " ** "),
    (r"\bmod(?:ulo)?\b", " % "),
)
"""Ways to say a calculation, and how it is written."""
WORD = re.compile(r"[^\W\d_]+")
SMALL_WORDS = {
    "what", "whats", "is", "are", "the", "of", "a", "s", "please", "can", "could", "you", "tell",
    "me", "result", "value", "answer", "how", "much", "does", "do", "equal", "equals", "to", "and",
    "solve", "for", "be", "would", "now", "then", "hey", "hi", "hello",
}  # fmt: skip
FEW = 2
"""So many words beside the calculation and the small ones; more are about something else."""
DATE = re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d+(?:\.\d+){2,}")
ROUNDED = re.compile(r"\.\d{12}|e")
"""Floating point numbers with so many decimals are near the true value, not equal to it."""
LONGEST_VALUE = 60
"""Characters; longer results are not set as mathematics."""


def plan(conversation: Conversation) -> RunCode | None:
    expression = _expression(conversation.text)
    if expression is None:
        return None
    language = conversation.language
    source = to_python(expression, MATH)
    needs_math = "import math\n\n" if "math." in source else ""
    exact = to_python(expression, SYMPY)

    def told(output: Output) -> str:
        value = output.printed.partition("\n")[0].removesuffix(".0") or "?"
        latex = to_latex(expression)
        if value in {"zoo", "nan"}:
            return words.NOT_DEFINED.say(language, expression=latex)
        if len(value) > LONGEST_VALUE:
            return words.LONG_RESULT.say(language, value=value)
        return words.RESULT.say(
            language,
            expression=latex,
            relation=r"\approx" if ROUNDED.search(value) else "=",
            value=printed_to_latex(value),
        )

    return RunCode(
        code=f"{needs_math}result = {source}\nprint(result)\n",
        told=told,
        # Numbers that are too long to print, roots of negative numbers.
        second_try=f"import sympy as sp\n\nresult = sp.N({exact}, 15)\nprint(result)\n",
    )


def _expression(text: str) -> Expression | None:
    """The longest calculation in a text that asks for one, or that is nothing else."""
    plain = DATE.sub(" ", text)
    for spoken, sign in SPOKEN:
        plain = re.sub(spoken, sign, plain, flags=re.IGNORECASE)
    found = [one for one in find(plain) if functions_in(one.expression)]
    if not found:
        return None
    longest = max(found, key=lambda one: one.end - one.start)
    others = WORD.findall(plain[: longest.start] + " " + plain[longest.end :])
    telling = [word for word in others if word.lower() not in SMALL_WORDS]
    asked = ASKED.search(text) and len(telling) <= FEW
    return longest.expression if not telling or asked or COMPUTE.search(text) else None

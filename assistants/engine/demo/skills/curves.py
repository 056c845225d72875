"""Draws mathematics: sine and its relatives, `y = x^2 - 3x`, surfaces, circles, a few shapes."""

from collections.abc import Iterable

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.mathematics.expressions import (
    Expression,
    Number,
    functions_in,
    names_in,
)
from assistants.engine.demo.mathematics.figures import (
    Curve,
    Curves,
    Figure,
    Relation,
    Surface,
    runs_off,
)
from assistants.engine.demo.mathematics.named_figures import (
    SINE_WAVE,
    curves_named_in,
    shape_named_in,
)
from assistants.engine.demo.mathematics.reading import (
    NotMathematics,
    beginning,
    ending,
    find,
    parse,
)
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.skills import restyling
from assistants.engine.demo.telling import drawn
from assistants.engine.demo.words import heard

VARIABLES = "xtθuXT"
RANGE = heard(
    r"\b(?:from|between)\s+(?:[a-z]\s*=\s*)?(?P<low>[^\s,;]+)"
    r"\s+(?:to|and|until)\s+(?P<high>[^\s,;?!]+)"
    r"|從\s*(?P<low_zh>[^\s到至]+)\s*(?:到|至)\s*(?P<high_zh>[^\s,，。]+)"
    r"|[\[(]\s*(?P<low_set>[^,\s]+)\s*,\s*(?P<high_set>[^,\s\])]+)\s*[\])]"
)
DEFINITION = heard(
    r"(?<![-+*/^=(\w])(?<![-+*/^=(\d]\s)(?:y|f\s*\(\s*(?P<name>[a-zθ])\s*\))\s*=(?!=)"
)
"""`y =`, but not at the end of `x + y = 5`."""
SOLVE = heard(r"\bsolve|\bsolution|解|求")
AMPLITUDE = heard(r"\bamplitude\s*(?:of|=|is)?\s*(\d+(?:\.\d+)?)|振幅\D{0,3}(\d+(?:\.\d+)?)")
FREQUENCY = heard(r"\bfrequency\s*(?:of|=|is)?\s*(\d+(?:\.\d+)?)|頻率\D{0,3}(\d+(?:\.\d+)?)")
SOMETHING = heard(
    r"\b(?:a|any|some|the first|example|sample|demo)\s*(?:\w+\s)?(?:plot|graph|chart|figure"
    r"|visuali[sz]ation|picture|curve)s?\b|\b(?:plot|draw|visuali[sz]e)\s+(?:something|anything)\b"
    r"|畫.{0,3}(?:圖|東西|什麼)"
)
DATA = heard(
    r"\b(?:histogram|bars?|scatter|pie|box ?plot|random|csv|excel|spreadsheet|columns?|dataset"
    r"|file|data)\b|長條|圓餅|散佈|直方|隨機|欄|檔|資料|數據"
)
"""Words of charts of data."""
CALCULATION = heard(r"\d\s*[=+*/^]|\(\s*\d")
BARE = heard(r"(?:wave|curve|parabola)s?\b|波")
SHORT = 40
"""Characters; a bare `sine wave, please` needs no verb."""
MOST_CURVES = 6


def plan(conversation: Conversation) -> RunCode | None:
    figure = _figure(conversation)
    if figure is None:
        return None
    code = figure.code()
    for change in restyling.for_new_plot(conversation):
        code = change.edit(code)
    language = conversation.language
    return RunCode(code, lambda output: drawn(language, output, figure.told(language)))


def _figure(conversation: Conversation) -> Figure | None:
    """What the message wants drawn; None if it is not about mathematics."""
    text = conversation.text
    wants_picture = bool(words.DRAW.search(text))
    if figure := _given_by_formula(text, wants_picture):
        return figure
    if DATA.search(text):
        return None
    if wants_picture or (len(text) < SHORT and BARE.search(text)):
        if figure := _called_by_name(text):
            return figure
        if SOMETHING.search(text) and not conversation.file(tables_only=True):
            return SINE_WAVE.over_usual_range(SINE_WAVE.curve())
    return None


def _given_by_formula(text: str, wants_picture: bool) -> Figure | None:
    """`y = x^2 - 3x`, also without a verb; with one `sin(x) and cos(x)`, `x^2 + y^2 = 25`."""
    plain = RANGE.sub(" ", text)
    defined = list(_definitions(plain))
    if defined and (wants_picture or (len(defined) == 1 and not SOLVE.search(text))):
        return _curves((one for one in defined if len(names_in(one)) <= 1), text)
    if not wants_picture:
        return None
    if figure := _of_two_variables(plain):
        return figure
    found = (one.expression for one in find(plain, variables=VARIABLES))
    return _curves((one for one in found if functions_in(one) and len(names_in(one)) == 1), text)


def _definitions(text: str) -> Iterable[Expression]:
    for found in DEFINITION.finditer(text):
        variables = VARIABLES + (found["name"] or "")
        formula = beginning(text[found.end() :].lstrip(" `$"), variables=variables)
        if formula is not None:
            yield formula


def _of_two_variables(text: str) -> Figure | None:
    """An equation between x and y, or a height above them."""
    left_text, equals, right_text = text.partition("=")
    left = ending(left_text, variables="xyz") if equals else None
    right = beginning(right_text, variables="xy") if equals else None
    if left is not None and right is not None:
        names = set(names_in(left) + names_in(right))
        if names == {"x", "y"} and _can_be_drawn(left) and _can_be_drawn(right):
            return Relation(left, right)
    for found in find(text, variables="xy"):
        if set(names_in(found.expression)) == {"x", "y"} and _can_be_drawn(found.expression):
            return Surface(found.expression)
    return None


def _curves(formulas: Iterable[Expression], text: str) -> Curves | None:
    """Those of the formulas that can be drawn over the variable of the first."""
    fitting = [formula for formula in formulas if _can_be_drawn(formula)]
    names = [name for formula in fitting for name in names_in(formula)]
    fitting = [formula for formula in fitting if names_in(formula) in ([], names[:1])]
    if not fitting:
        return None
    curves = tuple(Curve(one, has_poles=runs_off(one)) for one in fitting[:MOST_CURVES])
    used = set[str]().union(*(functions_in(curve.formula) for curve in curves))
    return Curves(curves, *_usual_range(used)).over(_range(text))


def _can_be_drawn(formula: Expression) -> bool:
    return "factorial" not in functions_in(formula)


def _usual_range(functions: set[str]) -> tuple[Expression, Expression]:
    """Where functions show what they are like."""
    ends = ("-10", "10")
    if functions & {"sin", "cos", "tan", "arctan"}:
        ends = ("-2pi", "2pi")
    if functions & {"log", "sqrt"}:
        ends = ("0.01", "10")
    if functions & {"exp", "sinh", "cosh"}:
        ends = ("-5", "5")
    if functions & {"arcsin", "arccos"}:
        ends = ("-1", "1")
    return parse(ends[0]), parse(ends[1])


def _called_by_name(text: str) -> Figure | None:
    named = curves_named_in(text)
    if not named or CALCULATION.search(RANGE.sub(" ", text)):
        return shape_named_in(text)
    amplitude, frequency = AMPLITUDE.search(text), FREQUENCY.search(text)
    curves = [
        one.curve(
            amplitude=(amplitude[1] or amplitude[2]) if amplitude else "",
            frequency=(frequency[1] or frequency[2]) if frequency else "",
        )
        for one in named
    ]
    figure = named[0].over_usual_range(*curves)
    if count := restyling.periods_in(text):
        figure = figure.over((Number("0"), parse(f"{2 * count}pi")))
    return figure.over(_range(text))


def _range(text: str) -> tuple[Expression, Expression] | None:
    """The ends that a text names: `from -2 to 5`, `從 -2 到 5`, `[-2, 5]`."""
    for found in RANGE.finditer(text):
        low, high = (part for part in found.groups() if part is not None)
        try:
            ends = parse(low), parse(high.rstrip("."))
        except NotMathematics:
            continue
        if not names_in(ends[0]) and not names_in(ends[1]):
            return ends
    return None

"""The curves and shapes that people call by a name, in both languages."""

import re
from typing import NamedTuple

from assistants.engine.demo.mathematics.figures import Curve, Curves, Shape
from assistants.engine.demo.mathematics.reading import parse
from assistants.engine.demo.words import Phrase, heard


class NamedCurve(NamedTuple):
    name: str
    called: re.Pattern[str]
    formula: str
    low: str = "-10"
    high: str = "10"

    def curve(self, *, amplitude: str = "", frequency: str = "") -> Curve:
        """The curve, as high and as fast as asked; both are digits or empty."""
        formula = self.formula.replace("(x)", f"({frequency} x)") if frequency else self.formula
        return Curve(parse(f"{amplitude} {formula}"), self.name, has_poles=self.formula == "tan(x)")

    def over_usual_range(self, *curves: Curve) -> Curves:
        return Curves(curves, parse(self.low), parse(self.high))


TWO_PERIODS = "4pi"

NAMED_CURVES = (
    NamedCurve("damped sine wave", heard(r"\bdamped (?:sine?\w*|oscillat\w+)|阻尼"),
               "exp(-x/5) sin(2x)", "0", "6pi"),
    NamedCurve("square wave", heard(r"\bsquare[ -]?wave|方波"),
               "abs(sin(x)) / sin(x)", "0.001", TWO_PERIODS),
    NamedCurve("triangle wave", heard(r"\btriang(?:le|ular)[ -]?wave|三角波"),
               "2/pi arcsin(sin(x))", "0", TWO_PERIODS),
    NamedCurve("sawtooth wave", heard(r"\bsaw[ -]?tooth|鋸齒波"),
               "2/pi arctan(tan(x/2))", "0", TWO_PERIODS),
    NamedCurve("sine wave", heard(r"\bsin(?:e|us|usoid|usoidal)?(?:\b|(?=waves?\b))|正弦"),
               "sin(x)", "0", TWO_PERIODS),
    NamedCurve("cosine wave", heard(r"\bcos(?:ine|inus)?(?:\b|(?=waves?\b))|餘弦"),
               "cos(x)", "0", TWO_PERIODS),
    NamedCurve("tangent", heard(r"\btan(?:gent)?\b|正切"), "tan(x)", "-2pi", "2pi"),
    NamedCurve("parabola", heard(r"\bparabola|\bquadratic\b|拋物線|二次函數"), "x^2"),
    NamedCurve("cubic", heard(r"\bcubic\b|三次函數"), "x^3", "-5", "5"),
    NamedCurve("exponential", heard(r"\bexponential\b|指數"), "exp(x)", "-3", "3"),
    NamedCurve("logarithm", heard(r"\blog(?:arithm\w*)?\b|對數"), "log(x)", "0.01", "10"),
    NamedCurve("bell curve",
               heard(r"\bbell[ -]?curve|\bgaussian\b|\bnormal distribution\b|常態分佈|高斯"),
               "exp(-x^2/2) / sqrt(2pi)", "-4", "4"),
    NamedCurve("sigmoid", heard(r"\bsigmoid\b|\blogistic\b"), "1 / (1 + exp(-x))", "-8", "8"),
)  # fmt: skip

SINE_WAVE = NAMED_CURVES[4]


def curves_named_in(text: str) -> tuple[NamedCurve, ...]:
    """The curves that a text calls by their names; a damped sine wave is one, not two."""
    found = [curve for curve in NAMED_CURVES if curve.called.search(text)]
    damped = any(curve.name == "damped sine wave" for curve in found)
    return tuple(curve for curve in found if not damped or curve is not SINE_WAVE)


NAMED_SHAPES = (
    (heard(r"\bheart\b|愛心|心形"), Shape(
        Phrase("heart", "愛心"),
        x="16 * np.sin(t)**3",
        y="13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)",
    )),
    (heard(r"\bcircle\b|圓形|畫.{0,4}圓"), Shape(
        Phrase("circle", "圓"), x="np.cos(t)", y="np.sin(t)",
    )),
    (heard(r"\bspiral\b|螺旋"), Shape(
        Phrase("spiral", "螺旋"), x="t * np.cos(t)", y="t * np.sin(t)", high="10 * np.pi",
    )),
    (heard(r"\blissajous\b|利薩如"), Shape(
        Phrase("Lissajous figure", "利薩如圖形"), x="np.sin(3 * t)", y="np.sin(2 * t)",
    )),
)  # fmt: skip


def shape_named_in(text: str) -> Shape | None:
    return next((shape for called, shape in NAMED_SHAPES if called.search(text)), None)

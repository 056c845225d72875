"""Pictures of mathematics: what each is, the Python that draws it, and what to say about it."""

from dataclasses import dataclass, replace
from typing import Protocol

from assistants.engine.demo import words
from assistants.engine.demo.mathematics.expressions import (
    Binary,
    Expression,
    functions_in,
    names_in,
)
from assistants.engine.demo.mathematics.writing import NUMPY, to_latex, to_python
from assistants.engine.demo.words import Language, Phrase

STEEP = 20
"""Curves with poles are cut off this far from the x-axis."""


class Figure(Protocol):
    """Something to draw."""

    def code(self) -> str:
        """Python that shows one picture."""

    def told(self, language: Language) -> str:
        """What to say when it has been drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A function of one variable."""

    formula: Expression
    name: str | None = None
    """What it is called, such as "sine wave"; None if it has only its formula."""
    has_poles: bool = False

    @property
    def label(self) -> str:
        return self.name or readable(self.formula)

    def values(self, variable: str) -> str:
        """Its values as numpy source; those of a constant are as many as the variable's."""
        source = to_python(self.formula, NUMPY)
        return source if names_in(self.formula) else f"{source} + 0 * {variable}"


@dataclass(frozen=True, slots=True)
class Curves:
    """One or more functions of the same variable over one range."""

    curves: tuple[Curve, ...]
    low: Expression
    high: Expression

    def over(self, ends: tuple[Expression, Expression] | None) -> "Curves":
        """The same over another range, if there is one."""
        return replace(self, low=ends[0], high=ends[1]) if ends else self

    def code(self) -> str:
        one = len(self.curves) == 1
        return self._textbook(self.curves[0]) if one else self._together()

    def told(self, language: Language) -> str:
        ends = {"low": to_latex(self.low), "high": to_latex(self.high)}
        if self.curves[0].name == "sine wave" and len(self.curves) == 1:
            return words.SINE_DRAWN.say(language, **ends)
        formulas = [rf"\( {to_latex(curve.formula)} \)" for curve in self.curves]
        listed = words.PLAIN_AND.say(language).join(formulas)
        return words.CURVE_DRAWN.say(language, what=listed, **ends)

    @property
    def _variable(self) -> str:
        names = (name for curve in self.curves for name in names_in(curve.formula))
        return next(names, "x")

    def _range(self) -> str:
        low, high = to_python(self.low, NUMPY), to_python(self.high, NUMPY)
        spoken = f"from {low} to {high}".replace("np.", "").replace(" * ", "*")
        return f"np.linspace({low}, {high}, 1000)  # Generate values {spoken}"

    def _textbook(self, curve: Curve) -> str:
        """One curve, written the way people learn it."""
        x, y = self._variable, curve.values(self._variable)
        comment = "the sine of these values" if y == f"np.sin({x})" else "the function"
        gaps = f"y[np.abs(y) > {STEEP}] = np.nan  # Leave gaps where it runs off to infinity\n"
        name = curve.name or "curve"
        return f"""\
import numpy as np
import matplotlib.pyplot as plt

# Generating data for the {name.replace("sine wave", "sinewave")}
{x} = {self._range()}
y = {y}  # Compute {comment}
{gaps if curve.has_poles else ""}
# Plotting the {name}
plt.plot({x}, y)
plt.title({name.title() if curve.name else curve.label!r})
plt.xlabel({x!r})
plt.ylabel({readable(curve.formula) if curve.name else "y"!r})
plt.grid(True)
plt.show()
"""

    def _together(self) -> str:
        """Several curves in one picture, with a legend."""
        x = self._variable
        lines = "\n".join(
            f"plt.plot({x}, {curve.values(x)}, label={curve.label!r})" for curve in self.curves
        )
        title = ", ".join(curve.label for curve in self.curves)
        if self.curves[0].name:
            title = title.capitalize()
        limits = f"plt.ylim(-{STEEP}, {STEEP})\n"
        return f"""\
import numpy as np
import matplotlib.pyplot as plt

# Generating data for the curves
{x} = {self._range()}

# Plotting the curves
{lines}
{limits if any(curve.has_poles for curve in self.curves) else ""}plt.legend()
plt.title({title!r})
plt.xlabel({x!r})
plt.ylabel('y')
plt.grid(True)
plt.show()
"""


@dataclass(frozen=True, slots=True)
class Surface:
    """A function of x and y, seen from the side."""

    height: Expression

    def code(self) -> str:
        return f"""\
import numpy as np
import matplotlib.pyplot as plt

# A grid of points, and the height above each
x, y = np.meshgrid(np.linspace(-5, 5, 100), np.linspace(-5, 5, 100))
z = {to_python(self.height, NUMPY)}

ax = plt.figure().add_subplot(projection='3d')
ax.plot_surface(x, y, z, cmap='viridis')
ax.set_title({f"z = {readable(self.height)}"!r})
ax.set_xlabel('x')
ax.set_ylabel('y')
plt.show()
"""

    def told(self, language: Language) -> str:
        return words.SURFACE_DRAWN.say(language, what=to_latex(self.height))


@dataclass(frozen=True, slots=True)
class Relation:
    """The points x, y at which both sides of an equation are equal, such as a circle."""

    left: Expression
    right: Expression

    def code(self) -> str:
        difference = to_python(Binary("-", self.left, self.right), NUMPY)
        return f"""\
import numpy as np
import matplotlib.pyplot as plt

# Both sides are equal where their difference is 0
x, y = np.meshgrid(np.linspace(-10, 10, 400), np.linspace(-10, 10, 400))
difference = {difference}

plt.contour(x, y, difference, levels=[0])
plt.title({f"{readable(self.left)} = {readable(self.right)}"!r})
plt.xlabel('x')
plt.ylabel('y')
plt.axis('equal')
plt.grid(True)
plt.show()
"""

    def told(self, language: Language) -> str:
        equation = f"{to_latex(self.left)} = {to_latex(self.right)}"
        return words.RELATION_DRAWN.say(language, what=equation)


@dataclass(frozen=True, slots=True)
class Shape:
    """A curve whose coordinates both follow from an angle t."""

    name: Phrase
    x: str
    y: str
    high: str = "2 * np.pi"
    """Where t ends; numpy source, as x and y are."""

    def code(self) -> str:
        return f"""\
import numpy as np
import matplotlib.pyplot as plt

# Both coordinates follow from the angle t
t = np.linspace(0, {self.high}, 1000)
x = {self.x}
y = {self.y}

plt.plot(x, y)
plt.title({self.name.en.capitalize()!r})
plt.axis('equal')
plt.grid(True)
plt.show()
"""

    def told(self, language: Language) -> str:
        return words.SHAPE_DRAWN.say(language, what=self.name.say(language))


def readable(expression: Expression) -> str:
    """A formula as people write it, for titles and labels."""
    return to_python(expression, NUMPY).replace("np.", "").replace("**", "^").replace(" * ", "·")


def runs_off(formula: Expression) -> bool:
    """Whether a formula given by a person may have poles."""
    return bool(functions_in(formula) & {"tan", "/"})

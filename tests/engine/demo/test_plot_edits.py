"""Changes to the source of plots, also of plots that another model wrote."""

import pytest

from assistants.engine.demo import plot_edits
from assistants.engine.demo.plot_edits import Edit

OTHERS = """\
import matplotlib.pyplot as plt
from math import pi  # größe

fig, ax = plt.subplots(
    figsize=(4, 3),
)
ax.plot([0, 1], [0, pi],
        c="tab:red", label="é",
        )
ax.set_title("A title, with a comma")
plt.show()
"""


@pytest.mark.parametrize(
    "edit, expected",
    [
        (plot_edits.colour("blue"), "c='blue', label"),
        (plot_edits.titled("It's"), 'ax.set_title("It\'s")'),
        (plot_edits.labelled("x", "time"), "plt.xlabel('time')\nplt.show()"),
        (plot_edits.sized(10, 6), "figsize=(10, 6)"),
        (plot_edits.drawn_with("linewidth", 3), "linewidth=3)"),
        (plot_edits.grid(shown=True), "plt.grid(True)\nplt.show()"),
        (plot_edits.dark, "plt.style.use('dark_background')"),
        (plot_edits.saved_as("/mnt/data/a.png"), "plt.savefig('/mnt/data/a.png'"),
        (plot_edits.background("pink"), "set_facecolor('pink')"),
    ],
)
def test_code_of_another_model_is_changed_in_place(edit: Edit, expected: str) -> None:
    changed = edit(OTHERS)
    assert expected in changed
    assert "# größe" in changed
    compile(changed, "<cell>", "exec")


def test_an_edit_made_twice_is_made_once() -> None:
    for edit in (plot_edits.dark, plot_edits.colour("red"), plot_edits.titled("t")):
        assert edit(edit(OTHERS)) == edit(OTHERS)


def test_light_undoes_dark() -> None:
    changed = plot_edits.light(plot_edits.dark(OTHERS))
    assert "dark_background" not in changed
    assert "Dark" not in changed
    assert changed.count("plt.style.use('default')") == 1


def test_a_plot_without_an_explicit_show_can_be_changed() -> None:
    assert plot_edits.titled("t")("import x\nx.draw()").endswith("plt.title('t')\n")


@pytest.mark.parametrize("code", ["plt.plot(", "", "\0", "(" * 5000, "x = 1\n" * 10_000])
def test_code_that_cannot_be_read_is_survived(code: str) -> None:
    for edit in (
        plot_edits.dark,
        plot_edits.colour("red"),
        plot_edits.periods(2),
        plot_edits.wave("cos"),
        plot_edits.with_wave("cos"),
        plot_edits.sized(1, 2),
    ):
        assert isinstance(edit(code), str)


def test_a_wave_becomes_another_wherever_it_is_named() -> None:
    code = "# the sinewave\ny = np.sin(x)\nplt.title('Sine Wave')\nplt.ylabel('sin(x)')\nsingle"
    assert plot_edits.wave("cos")(code) == (
        "# the cosinewave\ny = np.cos(x)\nplt.title('Cosine Wave')\nplt.ylabel('cos(x)')\nsingle"
    )

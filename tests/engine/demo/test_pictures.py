"""Plots and what a newcomer asks for after one."""

import pytest

from tests.engine.demo.demo_thread import Thread


@pytest.mark.parametrize(
    "prompt, code",
    [
        ("plot y = x^2 - 3x from -2 to 5", "np.linspace(-2, 5, 1000)"),
        ("plot y = x^2 - 3x", "y = x**2 - 3 * x"),
        ("y = 1/x", "np.nan"),
        ("Plot sin(x) and cos(x)", "plt.legend()"),
        ("plot y = 2x and y = x^2", "plt.plot(x, x**2"),
        ("graph f(t) = t^3 - t", "t = np.linspace"),
        ("draw a cosine curve with 3 periods", "np.linspace(0, 6 * np.pi, 1000)"),
        ("draw a sine wave with amplitude 2 and frequency 3", "2 * np.sin(3 * x)"),
        ("plot the tangent", "np.tan(x)"),
        ("Draw a damped sine wave", "np.exp(-x / 5)"),
        ("show me a square wave in red", "color='red'"),
        ('plot x^2 titled "My parabola"', "plt.title('My parabola')"),
        ("plot log(x) from 1 to 100", "np.linspace(1, 100, 1000)"),
        ("plot y = 5", "5 + 0 * x"),
        ("plot z = x^2 + y^2", "plot_surface"),
        ("plot x^2 + y^2 = 25", "plt.contour"),
        ("draw a heart", "plt.axis('equal')"),
        ("draw something", "np.sin(x)"),
        ("sine wave please", "np.sin(x)"),
        ("bar chart of apples 3, pears 5, plums 4", "names = ['apples', 'pears', 'plums']"),
        ("plot 1, 4, 9, 16", "values = [1, 4, 9, 16]"),
        ("pie chart: tea 3, milk 5.5", "plt.pie(values, labels=names"),
        ("histogram of 500 random numbers", "count = 500"),
        ("draw a random walk", "cumsum()"),
        ("畫 y = x^2，從 -2 到 5", "np.linspace(-2, 5, 1000)"),
        ("長條圖：蘋果 3、梨子 5、李子 4", "names = ['蘋果', '梨子', '李子']"),
    ],
)
async def test_a_picture_comes_out_of(thread: Thread, prompt: str, code: str) -> None:
    turn = await thread.say(prompt)
    assert code in turn.code
    assert turn.has_image
    assert "Traceback" not in turn.answer
    assert len(turn.codes) == 1


@pytest.mark.parametrize(
    "prompt, code, told",
    [
        ("make it red", "color='red'", "in red"),
        ("make the line dark blue", "color='darkblue'", "darkblue"),
        ("change it to a cosine", "y = np.cos(x)", "a cosine in its place"),
        ("show 5 periods", "np.linspace(0, 10 * np.pi, 1000)  # Generate values from 0 to 10*pi",
         "5 periods"),
        ('Add the title "My wave"', "plt.title('My wave')", "“My wave”"),
        ("add a cosine too", "plt.plot(x, np.cos(x), label='cos(x)')", "cosine curve added"),
        ("make the line thicker", "linewidth=3", "thicker"),
        ("use a dashed line", "linestyle='--'", "dashed"),
        ("remove the grid", "plt.grid(False)", "no grid"),
        ("make it bigger", "figsize=(10, 6)", "larger"),
        ("make the background yellow", "set_facecolor('yellow')", "yellow background"),
        ('label the x-axis "time"', "plt.xlabel('time')", "“time”"),
        ("make it light", "plt.style.use('default')", "light"),
        ("改成紅色", "color='red'", "紅色"),
        ("畫三個週期", "6 * np.pi", "3 個週期"),
    ],
)  # fmt: skip
async def test_the_last_plot_is_changed(thread: Thread, prompt: str, code: str, told: str) -> None:
    await thread.say("Create a visualization of a sinewave")
    turn = await thread.say(prompt)
    assert code in turn.code
    assert turn.has_image
    assert told in turn.text


async def test_changes_add_up(thread: Thread) -> None:
    await thread.say("Create a visualization of a sinewave")
    await thread.say("make it a cosine")
    await thread.say("dark mode")
    turn = await thread.say("make it green")
    assert "np.cos(x)" in turn.code
    assert "dark_background" in turn.code
    assert "color='green'" in turn.code


async def test_a_new_subject_starts_a_new_plot(thread: Thread) -> None:
    await thread.say("Create a visualization of a sinewave")
    turn = await thread.say("draw a parabola in red")
    assert "x**2" in turn.code
    assert "np.sin" not in turn.code


async def test_dark_mode_stays_on_until_it_is_switched_off(thread: Thread) -> None:
    await thread.say("Create a visualization of a sinewave")
    await thread.say("dark mode")
    assert "dark_background" in (await thread.say("draw a parabola")).code
    turn = await thread.say("draw a cosine wave in light mode")
    assert "dark_background" not in turn.code
    assert "plt.style.use('default')" in turn.code


async def test_a_chart_of_given_numbers_changes_its_kind(thread: Thread) -> None:
    await thread.say("bar chart of apples 3, pears 5, plums 4")
    turn = await thread.say("make it a pie chart")
    assert "plt.pie" in turn.code
    assert "'plums'" in turn.code
    assert turn.has_image


async def test_dark_mode_without_a_plot_says_so(thread: Thread) -> None:
    turn = await thread.say("dark mode please")
    assert turn.codes == []
    assert "no plot" in turn.text


async def test_a_plot_is_saved_and_linked(thread: Thread) -> None:
    await thread.say("Create a visualization of a sinewave")
    turn = await thread.say("save it as PNG")
    assert "[plot.png](sandbox:/mnt/data/plot.png)" in turn.text
    assert (thread.folder / "plot.png").stat().st_size > 1000
    changed = await thread.say("make it red")
    assert "savefig" not in changed.code


async def test_the_values_of_a_plot_are_saved_as_a_table(thread: Thread) -> None:
    await thread.say("Create a visualization of a sinewave")
    turn = await thread.say("save the data as wave.csv")
    assert "[wave.csv](sandbox:/mnt/data/wave.csv)" in turn.text
    assert len((thread.folder / "wave.csv").read_text().splitlines()) == 1001


async def test_letters_without_a_font_are_owned_up_to(thread: Thread) -> None:
    await thread.say("畫正弦波")
    turn = await thread.say("標題改成「我的波」")
    assert turn.has_image
    assert "字型" in turn.text

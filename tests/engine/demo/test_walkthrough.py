"""The steps of the getting-started walk-through, as the demo model plays them."""

import re

from tests.engine.demo.demo_thread import Thread

INSTRUCTIONS = (
    "You are a helpful AI assistant who makes interesting visualizations based on data."
    "You have access to a sandboxed environment for writing and testing code."
    "When you are asked to create a visualization you should follow these steps:"
    "1. Write the code."
    "2. Anytime you write new code display a preview of the code to show your work."
    "3. Run the code to confirm that it runs."
    "4. If the code is successful display the visualization."
    "5. If the code is unsuccessful display the error message and try to revise the code and rerun"
    " going through the steps from above again."
)
SINE = "Create a visualization of a sinewave"
SHOW = "Show me the code you used to generate the sinewave"
DARK = (
    "I prefer visualizations in darkmode can you change the colors to make a darkmode version of"
    " this visualization."
)


async def test_a_sine_wave_is_drawn_and_told_in_one_message_after_the_code(thread: Thread) -> None:
    turn = await thread.say(SINE)
    assert "x = np.linspace(0, 4 * np.pi, 1000)" in turn.code
    assert "y = np.sin(x)" in turn.code
    assert turn.has_image
    assert len(turn.texts) == 1
    assert turn.text.startswith("Here is the visualization of a sine wave:")
    assert r"\( 4\pi \)" in turn.text


async def test_the_code_is_previewed_where_the_instructions_ask_for_it(thread: Thread) -> None:
    thread.instructions = INSTRUCTIONS
    turn = await thread.say(SINE)
    preview, told = turn.texts
    assert f"```python\n{turn.code}```" in preview
    assert "```" not in told
    assert turn.has_image


async def test_the_code_is_shown_in_the_newest_message(thread: Thread) -> None:
    thread.instructions = INSTRUCTIONS
    drawn = await thread.say(SINE)
    turn = await thread.say(SHOW)
    assert turn.codes == []
    assert len(turn.texts) == 1
    assert f"```python\n{drawn.code}```" in turn.text
    assert "`numpy`" in turn.text
    assert "`matplotlib`" in turn.text


async def test_dark_mode_redraws_the_last_plot(thread: Thread) -> None:
    await thread.say(SINE)
    await thread.say(SHOW)
    turn = await thread.say(DARK)
    assert "plt.style.use('dark_background')" in turn.code
    assert "color='cyan'" in turn.code
    assert "np.sin(x)" in turn.code
    assert turn.has_image
    assert turn.text.startswith("Here is the dark mode version")


async def test_dark_mode_can_be_asked_for_twice(thread: Thread) -> None:
    await thread.say(SINE)
    first = await thread.say(DARK)
    second = await thread.say(DARK)
    assert first.code == second.code
    assert second.has_image


async def test_an_equation_and_the_code_that_solved_it(thread: Thread) -> None:
    turn = await thread.say("I need to solve the equation `3x + 11 = 14`. Can you help me?")
    assert "x = 1" in turn.answer
    assert r"\( 3x + 11 = 14 \)" in turn.text
    assert re.search(r"\*\*Solution:\*\* \\\( x = 1 \\\)", turn.text)
    shown = await thread.say("Show me the code you ran")
    assert turn.code in shown.text
    assert "`sympy`" in shown.text

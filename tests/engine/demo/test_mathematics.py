"""Calculations and equations: real code runs, its result is explained in LaTeX."""

import pytest

from tests.engine.demo.demo_thread import Thread


@pytest.mark.parametrize(
    "prompt, told",
    [
        ("what is 12*7+3", r"\[ 12 \cdot 7 + 3 = 87 \]"),
        ("What's 15% of 80?", "= 12 "),
        ("what is 20% off $50", "= 40 "),
        ("sqrt(2)", r"\sqrt{2} \approx 1.41421356"),
        ("what is the square root of 144?", r"\sqrt{144} = 12"),
        ("2^100", "1267650600228229401496703205376"),
        ("7 times 8", "= 56"),
        ("1,000 + 1", "= 1001"),
        ("what is 17 mod 5", r"17 \bmod 5 = 2"),
        ("What is the sine of 30 degrees?", "0.4999"),
        ("calculate 5!", "5! = 120"),
        ("1/0", "is not defined"),
        ("sqrt(-4)", r"\sqrt{-4} = 2i"),
        ("what is 2**20000", r"\times 10^{6020}"),
        ("12 加 7 是多少？", "12 + 7 = 19"),
        ("80 的 15% 是多少", "= 12"),
        ("根號 16", r"\sqrt{16} = 4"),
    ],
)
async def test_a_calculation(thread: Thread, prompt: str, told: str) -> None:
    turn = await thread.say(prompt)
    assert told in turn.text
    assert len(turn.codes) <= 2


@pytest.mark.parametrize(
    "prompt, told",
    [
        ("Solve 2x = 5", r"\frac{5}{2} \approx 2.5"),
        ("solve -x + 3 = 0.5", "x = 2.5"),
        ("Solve x^2 - 5x + 6 = 0", "- \\( x = 2 \\)\n- \\( x = 3 \\)"),
        ("solve x^2 - 5x + 6", "x = 3"),
        ("solve x^2 = 2", r"x = \sqrt{2} \approx 1.41421"),
        ("solve x + y = 5 and x - y = 1", r"x = 3,\quad y = 2"),
        ("y = 2x + 1, y = x - 3", r"x = -4,\quad y = -7"),
        ("Solve 2x + 3y = 6 for y", r"y = 2 - \frac{2x}{3}"),
        ("x^2 + 1 = 0", "x = i"),
        ("solve x^3 - x - 1 = 0", r"x \approx 1.32472"),
        ("solve x = x + 1", "no solution"),
        ("2x + 3 = 2x + 3", "every value"),
        ("solve cos(x) = x", r"\approx 0.739085"),
        ("derivative of x^3", "3x^{2}"),
        ("integrate x^2", r"\frac{x^{3}}{3} + C"),
        ("factor x^2 - 9", r"\left(x - 3\right) \left(x + 3\right)"),
        ("expand (x+1)^2", "x^{2} + 2x + 1"),
        ("解方程式 3x + 11 = 14", "x = 1"),
        ("解 x + y = 5, x - y = 1", r"x = 3,\quad y = 2"),
    ],
)
async def test_algebra(thread: Thread, prompt: str, told: str) -> None:
    turn = await thread.say(prompt)
    assert told in turn.text, turn.answers


async def test_a_linear_equation_comes_with_its_steps(thread: Thread) -> None:
    turn = await thread.say("3x + 11 = 14")
    assert r"1. Bring everything with \( x \)" in turn.text
    assert r"\( 3x = 3 \)" in turn.text
    assert r"2. Divide both sides by \( 3 \): \( x = 1 \)" in turn.text
    assert "Check" in turn.text


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the capital of France in the years 1990-2000?",
        "I was born on 2001-05-04",
        "We ship version 1.2.3 on Monday",
    ],
)
async def test_not_everything_with_numbers_is_a_calculation(thread: Thread, prompt: str) -> None:
    assert (await thread.say(prompt)).codes == []

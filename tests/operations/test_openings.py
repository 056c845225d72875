"""What a thread without a title is listed as."""

import pytest

from assistants.operations import openings


@pytest.mark.parametrize(
    "text,plain",
    [
        ("What is 17 * 23 + 4?", "What is 17 * 23 + 4?"),
        ("```python\nimport this\nprint(1)\n```", "import this print(1)"),
        ("```\n# a comment\n", "# a comment"),
        ("~~~\nx = 1\n~~~\nExplain it", "Explain it"),
        ("Fix this:\n```py\nx = [\n```\nplease", "Fix this: please"),
        ("```print(1)``` please", "print(1) please"),
        ("# Plan\n- first\n- **second** `x_1` __init__", "Plan first second x_1 __init__"),
        ("> quoted\n\nsee [the docs](https://a.example/b)", "quoted see the docs"),
        ("snake_case_name and 2 * 3 * 4, #1", "snake_case_name and 2 * 3 * 4, #1"),
        ("-5 + 3 = ?", "-5 + 3 = ?"),
        ("``````", "``````"),
        ("  \n ", ""),
        ("a" * 200, "a" * 119 + "…"),
    ],
)
def test_a_thread_opens_in_plain_words(text: str, plain: str) -> None:
    assert openings.of(text) == plain


def test_a_long_message_full_of_marks_is_read_at_once() -> None:
    for text in ("`" * 100_000, "**a" * 50_000, "[" * 100_000, "> " * 50_000, "~~~\n" * 50_000):
        assert len(openings.of(text)) <= openings.MAX_LENGTH

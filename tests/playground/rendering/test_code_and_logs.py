"""Code of run steps, and what it printed."""

import re

import pytest

from playground.rendering.code import MAX_HIGHLIGHTED, highlight, language_label
from playground.rendering.logs import SHOWN_LINES, fold, plain


def text_of(html: str) -> str:
    import html as entities

    return entities.unescape(re.sub(r"<[^>]*>", "", html))


PROGRAM = '''"""Doc
string."""
import numpy as np

x = np.sin(1.5)  # a comment
print(f"{x:.2f} < 2")
'''


@pytest.mark.parametrize("length", range(0, len(PROGRAM), 3))
def test_code_that_is_cut_off_keeps_every_character(length: int) -> None:
    assert text_of(highlight(PROGRAM[:length], "python")) == PROGRAM[:length]


def test_long_code_is_highlighted_in_pieces_but_not_within_a_string() -> None:
    code = "x = 1\n" * 58 + '"""' + "in a string\n" * 100 + '"""\n' + "y = 2\n" * 100
    html = highlight(code, "python")
    assert text_of(html) == code
    assert html.count('<span class="m">2</span>') == 100
    assert "in a string" in html
    assert html.count("in a string\n") == 100


def test_very_long_code_is_plain() -> None:
    assert "<span" not in highlight("x = 1\n" * MAX_HIGHLIGHTED, "python")


def test_languages_are_named_as_people_write_them() -> None:
    assert [language_label(name) for name in ("py", "JS", "c++", "sh", "")] == [
        "Python",
        "JavaScript",
        "C++",
        "Bash",
        "Code",
    ]


def test_short_output_is_shown_whole() -> None:
    logs = fold("one\ntwo\n")
    assert (logs.folded, logs.shown, logs.lines) == ("", "one\ntwo", 2)


def test_of_long_output_the_last_lines_are_shown() -> None:
    logs = fold("".join(f"{n}\n" for n in range(812)))
    assert logs.lines == 812
    assert logs.shown.split("\n") == [str(n) for n in range(812 - SHOWN_LINES, 812)]
    assert logs.folded.split("\n")[0] == "0"


def test_terminal_codes_are_left_out() -> None:
    coloured = "\x1b[0;31mValueError\x1b[0m: bad \x1b]8;;http://x\x07link\x1b]8;;\x07\a"
    assert plain(coloured) == "ValueError: bad link"


def test_a_progress_bar_shows_its_last_state() -> None:
    assert plain("10%\r50%\r100%\ndone\r\n") == "100%\ndone\n"

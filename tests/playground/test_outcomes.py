"""How a run stands, in words."""

import pytest

from playground.outcomes import error_in

RAISED = """before
---------------------------------------------------------------------------
ZeroDivisionError                         Traceback (most recent call last)
Cell In[1], line 2
      1 print("before")
----> 2 1 / 0

ZeroDivisionError: division by zero
"""
UNREADABLE = """  Cell In[1], line 1
    x = = 1
        ^
SyntaxError: invalid syntax
"""
CAUGHT = """Traceback (most recent call last):
  File "/mnt/data/script.py", line 3, in <module>
    1/0
ZeroDivisionError: division by zero
and went on
"""


@pytest.mark.parametrize(
    "logs,kind",
    [
        (RAISED, "ZeroDivisionError"),
        (UNREADABLE, "SyntaxError"),
        (CAUGHT, ""),
        ("ValueError: a word of the output\n", ""),
        ("", ""),
    ],
)
def test_an_error_that_ended_code_is_told_from_what_it_printed(logs: str, kind: str) -> None:
    assert error_in(logs) == kind

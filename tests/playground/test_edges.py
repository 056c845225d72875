"""Where a control ends can be seen: contrast of 3 with what is around it (WCAG 1.4.11), which axe
does not look at.
"""

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("around", ["surface-0", "surface-1", "surface-2", "raised"])
def test_the_edge_of_a_control_is_seen(theme: int, around: str) -> None:
    light, dark = sorted((_light("line-strong", theme), _light(around, theme)), reverse=True)
    assert light / dark >= 3


def test_buttons_have_that_edge() -> None:
    assert "--edge: 1px solid var(--line-strong)" in TOKENS
    (button,) = re.findall(
        r"^\.btn \{(.*?)\n\}", (CSS / "controls.css").read_text(), re.MULTILINE | re.DOTALL
    )
    assert "\tborder: var(--edge);" in button


def _light(role: str, theme: int) -> float:
    """Relative luminance of a role's colour, and what WCAG adds to it."""
    (pair,) = re.findall(rf"--{role}: light-dark\((#\w+), (#\w+)\)", TOKENS)
    parts = [int(pair[theme][at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

"""What our own files may weigh, before compression."""

import re
from pathlib import Path

from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"

MAX_STYLES = 40_000
MAX_SCRIPTS_OF_A_PAGE = 25_000
MAX_SCRIPTS = 28_500
"""Bytes."""


def test_all_style_sheets_together_weigh_little() -> None:
    """Those of print and of the styleguide, too."""
    assert sum(path.stat().st_size for path in (STATIC / "css").iterdir()) <= MAX_STYLES


def test_all_scripts_together_weigh_little() -> None:
    assert sum(path.stat().st_size for path in (STATIC / "js").iterdir()) <= MAX_SCRIPTS


def test_the_scripts_of_a_page_weigh_less() -> None:
    """Each page has ``studio.js`` and what its own template names, with all that these import."""
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    named = {name for file in templates for name in re.findall(r"js/(\w+\.js)", file.read_text())}
    assert len(named) > 1
    for name in named:
        loaded = _imported({"studio.js", name})
        weight = sum((STATIC / "js" / one).stat().st_size for one in loaded)
        assert weight <= MAX_SCRIPTS_OF_A_PAGE, name


def _imported(names: set[str]) -> set[str]:
    """These scripts and those that they import."""
    found = set(names)
    for name in names:
        script = (STATIC / "js" / name).read_text()
        imports = re.findall(r'^import .*?"\./(\w+\.js)"', script, re.MULTILINE)
        found |= _imported(set(imports) - found)
    return found


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        named = re.findall(r'\{% icon "([\w-]+)"', template.read_text())
        missing = {name.replace("_", "-") for name in named} - sprite
        assert not missing, template

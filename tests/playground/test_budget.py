"""What a page may weigh, before compression."""

import re
from pathlib import Path

from django.conf import settings

from playground.context import STYLE_SHEETS

STATIC = Path(settings.BASE_DIR) / "static"
KILO = 1024


def test_style_sheets_stay_within_40_kilobytes() -> None:
    assert sum((STATIC / name).stat().st_size for name in STYLE_SHEETS) <= 40 * KILO


def test_our_own_scripts_stay_within_25_kilobytes() -> None:
    """Each page has ``studio.js`` and what its own template names, with all that these import."""
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    named = {name for file in templates for name in re.findall(r"js/(\w+\.js)", file.read_text())}
    assert len(named) > 1
    for name in named:
        loaded = _imported({"studio.js", name})
        assert sum((STATIC / "js" / one).stat().st_size for one in loaded) <= 25 * KILO, name


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

"""What a page may weigh, before compression."""

from pathlib import Path

from django.conf import settings

from playground.context import STYLE_SHEETS

STATIC = Path(settings.BASE_DIR) / "static"
KILO = 1024


def test_style_sheets_stay_within_40_kilobytes() -> None:
    assert sum((STATIC / name).stat().st_size for name in STYLE_SHEETS) <= 40 * KILO


def test_our_own_scripts_stay_within_25_kilobytes() -> None:
    assert sum(file.stat().st_size for file in (STATIC / "js").glob("*.js")) <= 25 * KILO


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    import re

    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        named = re.findall(r'\{% icon "([\w-]+)"', template.read_text())
        missing = {name.replace("_", "-") for name in named} - sprite
        assert not missing, template

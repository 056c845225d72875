"""What our own files may weigh, before compression."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from pygments.lexers import JavascriptLexer
from pygments.token import Comment, Text, Whitespace

from playground.static_files import minified

STATIC = Path(settings.BASE_DIR) / "static"

HASHED = {"BACKEND": "playground.static_files.ModulesStorage"}

MAX_STYLES = 40_000
MAX_SCRIPTS = 25_000
MAX_SCRIPTS_OF_A_PAGE = 20_000
"""Bytes."""


def test_all_style_sheets_together_weigh_little() -> None:
    """Those of print and of the styleguide, too."""
    assert sum(path.stat().st_size for path in (STATIC / "css").iterdir()) <= MAX_STYLES


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make run`` collects, as a browser gets it before compression."""
    folder = tmp_path_factory.mktemp("collected")
    with override_settings(
        STATIC_ROOT=folder, STORAGES=settings.STORAGES | {"staticfiles": HASHED}
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def test_all_that_a_browser_can_be_sent_of_ours_is_within_the_budget(sent: Path) -> None:
    hashed = ".".join(["*", "[0-9a-f]" * 12])
    scripts, styles = list(sent.glob(f"js/{hashed}.js")), list(sent.glob(f"css/{hashed}.css"))
    assert len(scripts) == len(list((STATIC / "js").iterdir()))
    assert len(styles) == len(list((STATIC / "css").iterdir()))
    assert all(path.stat().st_size for path in scripts)
    assert sum(path.stat().st_size for path in scripts) <= MAX_SCRIPTS
    assert sum(path.stat().st_size for path in styles) <= MAX_STYLES


def test_the_scripts_of_a_page_weigh_less(sent: Path) -> None:
    """Each page has ``studio.js`` and what its own template names, with all that these import."""
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    named = {name for file in templates for name in re.findall(r"js/(\w+\.js)", file.read_text())}
    assert len(named) > 1
    for name in named:
        loaded = _imported({"studio.js", name})
        weight = sum((sent / "js" / one).stat().st_size for one in loaded)
        assert weight <= MAX_SCRIPTS_OF_A_PAGE, name


def test_the_scripts_sent_find_each_other_under_their_hashed_names(sent: Path) -> None:
    found = 0
    for script in sent.glob("js/*.[0-9a-f]*.js"):
        for name in re.findall(r'["\'](\./[^"\']+\.js)["\']', script.read_text()):
            assert re.fullmatch(r"\./\w+\.[0-9a-f]{12}\.js", name)
            assert (script.parent / name).is_file()
            found += 1
    assert found > len(list((STATIC / "js").iterdir()))


def test_scripts_lose_nothing_but_comments_and_spaces(sent: Path) -> None:
    for file in (STATIC / "js").iterdir():
        script = file.read_text()
        assert _words((sent / "js" / file.name).read_text()) == _words(script), file
        # Which the minifier takes for a division.
        assert not re.search(r"=>\s*/[^/*]", script), file


def test_a_text_that_the_minifier_would_change_is_noticed() -> None:
    """A template within a template: so that no script is written like this."""
    script = "a = `1 ${b.map((c) => `2  ${c}`)}`"
    assert _words(minified(script).decode()) != _words(script)


def _words(script: str) -> list[str]:
    """All that stands in a script but comments and what is between its words."""
    found = JavascriptLexer().get_tokens(script)
    return [word for kind, word in found if kind not in Comment and kind not in (Text, Whitespace)]


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

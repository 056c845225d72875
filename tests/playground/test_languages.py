"""Languages: whose is taken, that it stays, and that every text of the pages is in each of them."""

import ast
import os
import re
import string
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format
from typing_extensions import override

from assistants.models import Assistant
from playground import catalogs, service_words
from playground.service_texts import HINTS, TEXTS
from playground.templatetags import studio
from playground.usage import in_words

ROOT = Path(settings.BASE_DIR)
PO_FILES = sorted(settings.CATALOGS.glob(f"*/{catalogs.PO}"))
CHINESE = {"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.5"}


# --- Whose language -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted,told",
    [
        ("zh-TW,zh;q=0.9,en;q=0.5", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh", "zh-Hant"),
        ("en-GB,zh-TW;q=0.4", "en"),
        ("de,fr", "en"),
        ("", "en"),
    ],
)
def test_the_browser_says_which_language_it_wants(db: None, wanted: str, told: str) -> None:
    page = Client().get("/login", headers={"Accept-Language": wanted})
    assert f'<html lang="{told}"' in page.text
    assert ("登入" in page.text) == (told == "zh-Hant")
    assert "Accept-Language" in page.headers["Vary"]


def test_another_language_is_chosen_before_signing_in_and_stays(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get("/login").text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    given = {"language": "zh-hant", "next": "/login?next=/", "csrfmiddlewaretoken": found[1]}
    chosen = browser.post("/language", given)
    assert chosen.headers["Location"] == "/login?next=/"
    cookie = chosen.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["max-age"] == 365 * 24 * 3600
    assert cookie["httponly"]
    # It holds against what the browser wants.
    assert 'lang="zh-Hant"' in browser.get("/login", headers={"Accept-Language": "en"}).text


def test_what_is_no_language_of_ours_changes_nothing(page: Client) -> None:
    for nonsense in ("xx", "", "../en", "zh-hans<script>"):
        page.post("/language", {"language": nonsense, "next": "//evil.example"})
        assert settings.LANGUAGE_COOKIE_NAME not in page.cookies
    page.cookies[settings.LANGUAGE_COOKIE_NAME] = '"><script>'
    assert 'lang="en"' in page.get("/settings").text
    chosen = page.post("/language", {"language": "en", "next": "https://evil.example/"})
    assert chosen.headers["Location"] == "/"


def test_the_switch_shows_each_language_in_its_own_words(page: Client) -> None:
    for headers, pressed in (({}, "en"), (CHINESE, "zh-hant")):
        text = page.get("/settings", headers=headers).text
        switch = re.findall(
            r'name="language" value="([\w-]+)" lang="\1"\s+aria-pressed="(\w+)">(.*?)<', text
        )
        assert switch[:2] == [
            ("en", str(pressed == "en").lower(), "English"),
            ("zh-hant", str(pressed == "zh-hant").lower(), "繁體中文"),
        ]


def test_programs_are_answered_in_english(db: None, client: Client) -> None:
    answer = client.get("/v1/assistants", headers=CHINESE)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("You didn't provide an API key.")
    assert "Content-Language" not in answer.headers


def test_an_error_page_is_in_the_language_of_who_asks(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "這裡什麼都沒有" in page.get("/nothing/here", headers=CHINESE).text
    assert "這不是可以開啟的頁面" in page.get("/theme", headers=CHINESE).text
    page.raise_request_exception = False

    def broken(_request: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("playground.context.theme_of", broken)
    answer = page.get("/settings", headers=CHINESE)
    assert answer.status_code == 500
    assert "這裡發生了錯誤" in answer.text
    assert '<html lang="zh-Hant">' in answer.text


# --- What is said ---------------------------------------------------------------------------------


def test_amounts_dates_and_plurals_are_as_the_language_has_them() -> None:
    moment = datetime(2026, 11, 19, 10, 41, tzinfo=UTC)
    with translation.override("zh-hant"):
        assert studio.seconds(4.2) == "4.2 秒"
        assert studio.seconds(185) == "3 分 5 秒"
        assert studio.tokens(
            {"prompt_tokens": 1234, "completion_tokens": 567, "total_tokens": 1801}
        ) == ("1,234→567")
        assert studio.words("in_progress") == "進行中"
        assert in_words(None) == "價格未知"
        assert date_format(moment, "MOMENT") == "2026年11月19日 10:41:00"
        assert date_format(moment, "SHORT_DAY") == "11/19"
    with translation.override("en"):
        assert studio.seconds(4.2) == "4.2 s"
        assert studio.number(1234) == "1,234"
        assert date_format(moment, "MOMENT") == "19 November 2026, 10:41:00"
        assert date_format(moment, "SHORT_DAY") == "19 Nov"
        assert studio.words("something_new") == "Something new"


def test_what_the_service_says_is_shown_in_the_readers_language() -> None:
    with translation.override("zh-hant"):
        told = service_words.told
        assert told("The PDF file is damaged.") == "PDF 檔已損壞。"
        assert told("Llama did not answer in time. Try again, or choose another model.") == (
            "Llama 未及時回答。請再試一次，或選擇其他模型。"
        )
        # A provider's own words stay as they are.
        said = "Azure refused the request (401): Access denied. Check the key of this provider."
        assert told(said) == ("Azure 拒絕了要求（401）：Access denied. 請檢查此供應者的金鑰。")
        assert told("Something that nobody knows.") == "Something that nobody knows."
        assert told(None) == ""
        assert told("{name} %s <b>") == "{name} %s <b>"
    with translation.override("en"):
        for text in ("The PDF file is damaged.", said):
            assert service_words.told(text) == text


def test_a_refusal_of_the_service_is_shown_in_the_readers_language(
    page: Client, assistant: Assistant
) -> None:
    answer = page.post("/settings/aliases", {"name": "demo", "model": "demo"}, headers=CHINESE)
    assert answer.status_code == 422
    assert "「demo」就是示範模型本身，不能當作別名。" in answer.text


def test_the_service_still_says_what_the_pages_know_it_by() -> None:
    """Each clause of its texts stands somewhere in the service, word for word."""
    said = "\n".join(_strings(ROOT / "assistants"))
    said += "\n".join(_strings(ROOT / "playground" / "health.py"))
    said += "\n".join(_strings(ROOT / "playground" / "interpreter.py"))
    unsaid = []
    for text in (*TEXTS, *HINTS):
        pieces = [piece.strip(" .:()") for piece in re.split(r"\{\w+\}|, ", text)]
        if not all(piece in said for piece in pieces):
            unsaid.append(text)
    assert unsaid == [], "the service says it otherwise now: playground/service_texts.py"


def _strings(path: Path) -> Iterator[str]:
    """The texts in the code below a path; \x00 where a value stands in one."""
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "\x00"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_a_catalog_of_other_words_is_compiled_whatever_its_time(tmp_path: Path) -> None:
    po = tmp_path / "from" / "de" / catalogs.PO
    po.parent.mkdir(parents=True)
    mo = (tmp_path / "to" / "de" / catalogs.PO).with_suffix(".mo")
    for word in ("Faden", "Zwirn"):
        po.write_text(f'msgid ""\nmsgstr ""\n\nmsgid "Thread"\nmsgstr "{word}"\n')
        os.utime(po, (1, 1))
        catalogs.compile_all(tmp_path / "from", tmp_path / "to")
        assert word.encode() in mo.read_bytes()
    made = mo.stat().st_ino
    os.utime(po)
    catalogs.compile_all(tmp_path / "from", tmp_path / "to")
    assert mo.stat().st_ino == made


# --- The catalogs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def marked() -> Catalog:
    """All that is marked in templates and code."""
    return catalogs.extracted(ROOT)


@pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
def test_a_catalog_translates_all_that_is_marked_and_nothing_else(
    po: Path, marked: Catalog
) -> None:
    catalog = catalogs.read(po)
    wanted = {(message.context, message.id) for message in marked if message.id}
    has = {(message.context, message.id) for message in catalog if message.id}
    assert has == wanted, "run make messages, then translate what is new"
    empty = [message.id for message in catalog if message.id and not all(_forms(message.string))]
    assert empty == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


def test_there_is_a_catalog_for_each_language_that_is_offered() -> None:
    offered = {translation.to_locale(code) for code, _ in settings.LANGUAGES} - {"en"}
    assert {po.parent.parent.name for po in PO_FILES} == offered


@pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
def test_places_and_marks_up_of_a_translation_are_those_of_the_text(po: Path) -> None:
    wrong = []
    for message in catalogs.read(po):
        if not message.id:
            continue
        texts = _forms(message.id)
        # A plural's first form may leave its number out.
        wanted = [_places(text) for text in texts]
        wrong += [
            (texts, form) for form in _forms(message.string) if _places(form) not in wanted[-1:]
        ]
        assert _tags(str(_forms(message.string)[-1])) == _tags(texts[-1]), message.id
    assert wrong == []


SIMPLIFIED = set("们这为会说对过还进发时问开关无与页务图网络户认证设择删录错误据个让键签宽显隐")
"""Letters that stand in simplified Chinese only."""


def test_chinese_is_traditional_and_has_its_own_marks() -> None:
    wrong = []
    marks = r"[一-鿿][,;:?!]|[,;:?!][一-鿿]|[一-鿿]\.(?:$| )|\([一-鿿]|[一-鿿]\)"
    for message in catalogs.read(settings.CATALOGS / "zh_Hant" / catalogs.PO):
        for form in _forms(message.string) if message.id else ():
            text = re.sub(r"<[^>]*>|\{\w*\}|%\(\w+\)s", "X", form)
            if found := SIMPLIFIED & set(text) or re.findall(marks, text):
                wrong.append((form, found))
    assert wrong == []


def _forms(text: object) -> list[str]:
    return [str(part) for part in text] if isinstance(text, tuple | list) else [str(text or "")]


def _places(text: str) -> list[str]:
    named = re.findall(r"%\(\w+\)[sd]", text)
    with suppress(ValueError):  # a brace that is one
        named += [f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(text) if name]
    return sorted(named)


def _tags(text: str) -> list[str]:
    return sorted(re.findall(r"<[^>]+>|&\w+;", text))


# --- Nothing was forgotten ------------------------------------------------------------------------

NAMES = {
    *("OpenAI", "AzureOpenAI", "Azure", "Ollama", "JSON", "Top", "P", "Esc", "Enter", "Shift"),
    *("Python", "ALLOWED", "HOSTS", "make", "login", "PUBLIC", "URL", "gpt", "o", "preview"),
    *("get", "weather", "city", "Oslo", "days", "token", "http", "https", "v"),
}
"""What is called the same in every language."""
SHOWN = ("title", "aria-label", "placeholder", "alt", "label")


class _Template(HTMLParser):
    """Finds words between tags and in attributes that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.found += [value for name, value in attrs if name in SHOWN and value]

    @override
    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.found.append(data)


@pytest.mark.parametrize(
    "template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_a_template_has_no_words_that_are_not_marked(template: Path) -> None:
    source = template.read_text()
    if "<" not in source.replace("{% if more or page > 1 %}", ""):
        source = f"<p {source}>"  # attributes alone
    marked = r"\{% blocktranslate.*?\{% endblocktranslate %\}|\{#.*?#\}|\{% block main_id %\}\w+"
    source = re.sub(marked, " ", source, flags=re.DOTALL)
    # Words in quotes that another template, or this one, shows.
    unmarked = re.findall(r'\b(?:hint|text|label|older|newer)="([^"]+)"', source)
    unmarked += re.findall(r'default:"([A-Z][^"]*)"', source)
    parser = _Template()
    parser.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL))
    told = [*parser.found, *(text for text in unmarked if "{" not in text)]
    words = [word for text in told for word in re.findall("[A-Za-z]+", text)]
    assert [word for word in words if word not in NAMES] == []

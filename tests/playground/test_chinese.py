"""The words in Traditional Chinese: one for each thing, in the catalog and in the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from playground import catalogs

PO = settings.CATALOGS / "zh_Hant" / catalogs.PO
README = Path(settings.BASE_DIR) / "README.zh-Hant.md"

INSTEAD = {
    "(?<!身分)提供者|供應商": "供應者",
    "對話串|聊天室|會話": "對話",
    "影像|圖像": "圖片",
    "複本|拷貝": "副本",
    "請求": "要求",
    "(?<![執進])行程(?!式)|進程|程序": "處理序",
    "到期|逾期": "過期",
    "更改|修改了": "變更",
    "(?<!電子郵件)地址": "位址, 網址 or 電子郵件地址",
    "記錄(?!檔|下)": "紀錄, or 記錄檔 of a log",
    "個 ?(?:API )?金鑰": "把金鑰",
    "[一這另]部伺服器": "台伺服器",
    "[個] ?執行(?!步驟)": "次執行",
    "所有地方登出": "登出所有裝置",
    "作法": "做法",
    "印出的連結": "伺服器顯示的連結",
    "信息|用戶|默認|服務器|文件夾|軟件|鏈接": "the words of Taiwan",
}
"""What is not said, as a regular expression, and what is said instead."""


def texts() -> Iterator[str]:
    for message in catalogs.read(PO):
        said = message.string
        yield from [said] if isinstance(said, str) else said or ()
    yield from README.read_text().splitlines()


@pytest.mark.parametrize("wrong", INSTEAD)
def test_each_thing_has_one_word(wrong: str) -> None:
    found = [text for text in texts() if re.search(wrong, text)]
    assert found == [], f"say {INSTEAD[wrong]}"


def test_what_was_done_is_told_in_one_form() -> None:
    done = [
        str(message.string)
        for message in catalogs.read(PO)
        if any(place == "playground/audit_words.py" for place, _ in message.locations)
    ]
    assert "建立助理" in done
    assert [words for words in done if "了" in words] == []


def test_names_stand_in_brackets() -> None:
    """They may be of either script, and Chinese ones have no space around them."""
    name = r"(?:%\((?:title|filename)\)s|<bdi>%\((?:name|title)\)s</bdi>)"
    found = [
        text
        for text in texts()
        if re.search(rf"(?<![「：/>]){name}", re.sub(r"<a [^>]*>|<strong>", "", text))
    ]
    assert found == []


def test_no_text_begins_or_ends_with_a_space_of_its_own() -> None:
    for message in catalogs.read(PO):
        if isinstance(message.id, str) and message.id == message.id.strip() and message.id:
            assert message.string == str(message.string).strip()

"""The studio in another language, in a real browser."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Studio
from tests.browser.test_pages import addresses
from tests.chat_server import ChatServer, error, text
from tests.stack import Stack

__all__ = ["addresses"]

LONGER = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
        if (node.parentElement.closest("script, pre, code, textarea, bdi, .mono, .id")) continue;
        const longer = (word) => word + word.slice(0, word.length * 0.6);
        node.data = node.data.replace(/[A-Za-z]{3,}/g, longer);
    }
}"""
"""Makes every word as much longer as a language with long words would."""

HEARD = """
window.heard = [];
new MutationObserver(() => {
    const said = document.getElementById("announce")?.textContent.trim();
    if (said && said !== heard.at(-1)) heard.push(said);
}).observe(document, {childList: true, subtree: true});
"""
"""Keeps what a screen reader is told."""


def test_the_switch_changes_the_page_and_stays(page: Page, studio: Studio) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/assistants")
    root = page.locator("html")
    expect(root).to_have_attribute("lang", "en")
    page.get_by_role("group", name="Language").get_by_role("button", name="繁體中文").click()
    expect(root).to_have_attribute("lang", "zh-Hant")
    expect(page).to_have_url(re.compile("/assistants$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("助理")
    page.goto("/settings")
    expect(root).to_have_attribute("lang", "zh-Hant")
    page.get_by_role("group", name="語言").get_by_role("button", name="English").first.click()
    expect(root).to_have_attribute("lang", "en")


def test_from_an_empty_studio_to_an_answer_in_chinese(
    browser: Browser, stack: Stack, model: ChatServer
) -> None:
    """Live parts, what scripts say and what went wrong are in the language of the page."""
    context = browser.new_context(base_url=stack.url, locale="zh-TW")
    page = context.new_page()
    page.goto(stack.login_path)
    page.goto("/assistants/new")
    page.get_by_label("名稱", exact=True).fill("資料視覺化")
    page.get_by_label("模型").select_option("played")
    page.get_by_role("button", name="建立助理").click()
    expect(page.get_by_role("heading", name="詢問「資料視覺化」")).to_be_visible()
    expect(page).to_have_title(re.compile("助理遊樂場$"))
    page.add_init_script(HEARD)
    model.reply(text("這是回答。"))
    draft = page.get_by_role("textbox", name="訊息")
    draft.fill("你好")
    draft.press("Enter")
    expect(page.locator(".run .chip").last).to_have_text("已完成", timeout=30_000)
    expect(page.locator(".run__facts").last).to_contain_text(re.compile(r"1 個步驟\s*\d+\.\d 秒"))
    expect(page).to_have_title(re.compile("助理遊樂場$"))
    heard = page.evaluate("heard")
    assert heard[-1] == "執行已完成"
    assert not [said for said in heard if re.search("[A-Za-z]", said)]
    model.otherwise(error(401, "Nope."))
    draft.fill("再一次")
    draft.press("Enter")
    outcome = page.locator(".outcome--bad")
    expect(outcome).to_contain_text("執行失敗", timeout=30_000)
    expect(outcome).to_contain_text("拒絕了要求（401）：Nope. 請檢查此供應者的金鑰。")
    page.get_by_label("說明").fill("畫圖")
    expect(page.locator("#assistant-saved")).to_have_text(re.compile(r"已儲存 \d\d:\d\d"))
    context.close()


def test_a_word_that_is_being_composed_is_not_sent(page: Page, studio: Studio) -> None:
    studio.make_assistant("Composing")
    draft = page.get_by_label("Message", exact=True)
    draft.focus()
    client = page.context.new_cdp_session(page)
    client.send(
        "Input.imeSetComposition", {"text": "ㄋㄧˇ", "selectionStart": 3, "selectionEnd": 3}
    )
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.locator(".msg")).to_have_count(0)
    assert "/threads/new" in page.url


@pytest.mark.looks
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["long", "zh-TW"])
def test_no_language_breaks_the_layout(
    browser: Browser, stack: Stack, addresses: list[str], width: int, language: str
) -> None:
    locale = "en" if language == "long" else language
    context = browser.new_context(
        base_url=stack.url, locale=locale, viewport={"width": width, "height": 720}
    )
    page = context.new_page()
    page.goto(stack.login_path)
    for address in addresses:
        page.goto(address)
        for panel in ("chat", "setup", "inspect"):
            tab = page.locator(f".tabbar [data-panel={panel}]")
            if tab.is_visible():
                tab.click()
            if language == "long":
                page.evaluate(LONGER)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
            beyond = page.evaluate(
                "[...document.querySelectorAll('main button, main a.btn, main .input, .chip')]"
                ".filter(e => e.checkVisibility() && !e.closest('pre, .table-wrap, .tabs'))"
                ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
                ".map(e => e.outerHTML.slice(0, 80))"
            )
            assert beyond == [], address
            if not tab.count():
                break
    context.close()

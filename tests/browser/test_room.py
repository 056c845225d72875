"""What has little room stays whole."""

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Studio


def test_attachments_on_a_telephone_stand_below_each_other(thread: Studio, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    names = [f"a table with a long name {number}.csv" for number in range(3)]
    page.locator("#composer [data-upload]").set_input_files(
        [FilePayload(name=name, mimeType="text/csv", buffer=b"a\n1\n") for name in names]
    )
    expect(page.locator("#composer-files [name=file_id]")).to_have_count(3)
    widths = page.locator("#composer-files").evaluate("it => [it.scrollWidth, it.clientWidth]")
    assert widths[0] <= widths[1]

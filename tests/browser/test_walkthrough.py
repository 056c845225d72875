"""The getting-started walk-through, as a person does it in the studio, with the demo model."""

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import DEMO, Studio

INSTRUCTIONS = (
    "You are a helpful AI assistant who makes interesting visualizations based on data."
    "You have access to a sandboxed environment for writing and testing code."
)


def test_from_an_empty_studio_to_a_sine_wave_in_dark_mode(page: Page, studio: Studio) -> None:
    studio.make_assistant("Data Visualization", model=DEMO, instructions=INSTRUCTIONS)

    studio.ask("Create a visualization of a sinewave")
    studio.wait_for("Completed")
    code = page.locator(".step .code code").first
    expect(code).to_contain_text("np.sin(x)")
    images = page.locator(".msg--assistant img")
    expect(images).to_have_count(1)
    assert images.first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    expect(page.locator(".msg--assistant math")).not_to_have_count(0)

    studio.ask("Show me the code you used to generate the sinewave")
    studio.wait_for("Completed")
    expect(page.locator(".msg--assistant").last.locator(".code")).to_contain_text("plt.plot")

    studio.ask(
        "I prefer visualizations in darkmode can you change the colors to make a darkmode "
        "version of this visualization."
    )
    studio.wait_for("Completed")
    expect(images).to_have_count(2)

    expect(page.locator(".run .chip")).to_have_text(["Completed"] * 3)
    with page.expect_download() as download:
        page.locator(".msg--assistant").last.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".png")


def test_a_sample_prompt_starts_a_thread(page: Page, studio: Studio) -> None:
    studio.make_assistant("Tutor", model=DEMO)
    page.get_by_role("button", name="I need to solve the equation 3x + 11 = 14").click()
    studio.wait_for("Completed")
    assert "x = 1" in studio.answer.replace("\u2062", "") or "1" in studio.answer
    expect(page.locator("#thread-title")).to_contain_text("3x + 11 = 14")
    expect(page.locator(".rail .nav__item[aria-current=page]").last).to_contain_text("3x + 11")


def test_an_uploaded_table_is_read_by_code(page: Page, studio: Studio) -> None:
    studio.make_assistant("Reader", model=DEMO)
    table = FilePayload(name="rain.csv", mimeType="text/csv", buffer=b"day,mm\n1,3\n2,5\n")
    page.locator("#composer input[type=file]").set_input_files(table)
    expect(page.locator("#composer-files .file")).to_contain_text("rain.csv")
    expect(page.locator("#composer-files progress")).to_have_count(0)
    studio.ask("Summarize the attached file")
    studio.wait_for("Completed")
    expect(page.locator(".msg--user").last).to_contain_text("rain.csv")
    expect(page.locator(".step .code").first).to_contain_text("csv")

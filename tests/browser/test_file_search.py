"""File search in the studio: the step that searched, and the footnotes of the answer."""

import re
from pathlib import Path

from openai import OpenAI
from playwright.sync_api import APIResponse, FilePayload, Page, Route, expect

from tests.browser.conftest import DEMO, Studio

NOTES = b"The harbor opens at six. Its lighthouse was built in 1822. Gulls live there."


def test_an_answer_from_a_document_names_it_in_a_footnote(
    studio: Studio, page: Page, api: OpenAI
) -> None:
    file = api.files.create(file=("harbor.txt", NOTES), purpose="assistants")
    store = api.vector_stores.create()
    api.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assistant = api.beta.assistants.create(
        name="Librarian",
        model=DEMO,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    page.goto(f"/threads/new?assistant={assistant.id}")

    studio.ask("When was the lighthouse built?")
    studio.wait_for("Completed")

    step = page.locator(".step").first
    expect(step.locator(".step__name")).to_have_text("File search1 passage")
    expect(step).to_contain_text("Searched files:")
    expect(step.locator("q")).to_have_text("When was the lighthouse built?")
    expect(step.locator("dd a")).to_have_text("harbor.txt")
    answer = page.locator(".msg--assistant")
    expect(answer.locator("sup.cite a")).to_have_text("1")
    note = answer.locator(".notes li")
    expect(note).to_contain_text("harbor.txt")
    expect(note.locator(".notes__quote")).to_have_text("Its lighthouse was built in 1822.")
    assert "【" not in answer.inner_text()
    before = answer.inner_html()

    page.reload()

    expect(page.locator(".step q")).to_have_text("When was the lighthouse built?")
    assert page.locator(".msg--assistant").inner_html() == before


def test_a_person_gives_an_assistant_a_document_and_asks_about_it(
    studio: Studio, page: Page
) -> None:
    studio.make_assistant("Harbor", model=DEMO)
    tool = page.locator(".tool", has=page.get_by_text("File search", exact=True))
    add = tool.get_by_text("Add files")
    expect(add).to_be_hidden()

    tool.get_by_role("switch").check()
    expect(add).to_be_visible()
    expect(page.locator("#assistant-saved")).to_contain_text("Saved")
    files = [
        FilePayload(name="harbor.txt", mimeType="text/plain", buffer=NOTES),
        FilePayload(name="empty.txt", mimeType="text/plain", buffer=b""),
        FilePayload(name="table.csv", mimeType="text/csv", buffer=b"a,b"),
    ]
    tool.locator("input[type=file]").set_input_files(files)
    item = tool.locator(".file", has_text="harbor.txt")
    expect(item.locator(".chip")).to_have_text("Ready", timeout=30_000)
    failed = tool.locator(".file", has_text="empty.txt")
    expect(failed.locator(".chip")).to_have_text("Failed", timeout=30_000)
    expect(failed.locator(".field__error")).to_have_text("The file is empty.")
    expect(page.locator("#searched-progress")).to_have_count(0)
    refused = tool.locator(".file", has_text="table.csv")
    expect(refused.locator(".field__error")).to_have_text(
        "cannot be searched; the code interpreter opens tables"
    )
    expect(tool.get_by_text("Other formats: convert to PDF, Word or text")).to_be_visible()
    refused.get_by_role("button").click()
    expect(refused).to_have_count(0)

    studio.ask("When was the lighthouse built?")
    studio.wait_for("Completed")
    note = page.locator(".msg--assistant .notes li")
    expect(note).to_contain_text("harbor.txt")
    expect(note.locator(".notes__quote")).to_have_text("Its lighthouse was built in 1822.")

    page.reload()
    expect(item.locator(".chip")).to_have_text("Ready")
    failed.get_by_role("button").click()
    expect(page.locator("#assistant-saved")).to_contain_text("Saved")
    page.reload()
    expect(item).to_be_visible()
    expect(failed).to_have_count(0)


def test_a_document_of_a_message_is_searched(studio: Studio, page: Page) -> None:
    studio.make_assistant("Attached", model=DEMO)
    page.locator("#assistant-file_search").check()
    expect(page.locator("#assistant-saved")).to_contain_text("Saved")
    page.get_by_label("Attach files").set_input_files(
        FilePayload(name="harbor.txt", mimeType="text/plain", buffer=NOTES)
    )
    expect(page.get_by_label("Tool for harbor.txt")).to_be_visible()
    studio.ask("When was the lighthouse built?")
    studio.wait_for("Completed")
    note = page.locator(".msg--assistant .notes li")
    expect(note.locator(".notes__quote")).to_have_text("Its lighthouse was built in 1822.")


def test_a_store_has_a_page_where_a_question_can_be_tried(studio: Studio, page: Page) -> None:
    studio.make_assistant("Pilots", model=DEMO)
    page.locator("#assistant-file_search").check()
    page.locator("#assistant-search input").set_input_files(
        FilePayload(name="harbor.txt", mimeType="text/plain", buffer=NOTES)
    )
    page.locator("#assistant-store a").click()
    expect(page.get_by_role("heading", name="Pilots")).to_be_visible()
    page.wait_for_load_state()  # nobody is as quick as to choose a file before the scripts run
    page.get_by_label("Add files").set_input_files(
        FilePayload(name="tides.md", mimeType="text/markdown", buffer=b"# Tides\n\nHigh at noon.")
    )
    files = page.locator("#store-files")
    expect(files.locator(".chip[data-status=completed]")).to_have_count(2, timeout=30_000)
    expect(files).not_to_have_attribute("hx-get", re.compile("."))
    expect(files.locator("dd").first).to_have_text("2 of 2")

    page.get_by_role("searchbox", name="Question").fill("When is the tide high?")
    page.get_by_role("searchbox", name="Question").press("Enter")
    expect(page.locator("#store-found li").first).to_contain_text("tides.md")

    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("Pilot books")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="Pilot books")).to_be_visible()
    page.get_by_role("button", name="Remove harbor.txt").click()
    expect(page.locator("#messages")).to_contain_text("harbor.txt was taken out")
    expect(files.locator("li")).to_have_count(1)


def test_a_look_at_the_files_that_comes_late_hides_none_that_was_added_since(
    page: Page, api: OpenAI
) -> None:
    store = api.vector_stores.create(name="Tides")
    late: list[tuple[Route, APIResponse]] = []

    def look(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page.route(re.compile(r"/files\?look$"), look)
    page.goto(f"/vector-stores/{store.id}")
    page.evaluate(
        """() => {
            const files = document.getElementById("store-files");
            const look = document.getElementById("store-upload").dataset.files + "?look";
            const more = {"hx-get": look, "hx-trigger": "every 200ms", "hx-swap": "morph"};
            for (const one of Object.entries(more)) files.setAttribute(...one);
            htmx.process(files);
        }"""
    )
    while not late:
        page.wait_for_timeout(50)
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_label("Add files").set_input_files(
            FilePayload(name="tides.md", mimeType="text/markdown", buffer=b"High at noon.")
        )
    expect(page.locator("#store-sending")).to_be_hidden()
    page.wait_for_timeout(300)
    route, as_it_was = late[0]
    route.fulfill(response=as_it_was)
    row = page.locator("#store-files li", has_text="tides.md")
    expect(row.locator(".chip[data-status=completed]")).to_be_visible(timeout=30_000)


def test_a_new_store_is_filled_given_to_an_assistant_and_cited(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    studio.make_assistant("Keeper", model=DEMO)
    page.goto("/vector-stores")
    page.get_by_role("link", name="New vector store").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Lights")
    page.get_by_role("button", name="Create").click()
    folder = tmp_path / "books" / "inner"
    folder.mkdir(parents=True)
    (folder / "harbor.txt").write_bytes(NOTES)
    (folder / "table.csv").write_text("a,b")
    for number in range(60):
        (folder.parent / f"pier{number}.txt").write_text(f"Pier {number} is painted green.")
    page.locator("input[webkitdirectory]").set_input_files(folder.parent)
    expect(page.locator("#store-refused li")).to_have_text(
        [re.compile("^table.csv: cannot be searched; ")]
    )
    ready = page.locator("#store-files dd").first
    expect(ready).to_have_text("61 of 61", timeout=60_000)
    expect(page.locator("#store-files bdi", has_text=re.compile("^books$")).first).to_be_visible()

    page.evaluate(
        """() => {
            const given = new DataTransfer();
            given.items.add(new File(["Tides are high at noon."], "tides.md"));
            document.querySelector("#main").dispatchEvent(
                new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
        }"""
    )
    expect(ready).to_have_text("62 of 62", timeout=30_000)

    page.get_by_role("searchbox", name="Question").fill("lighthouses")
    page.get_by_role("searchbox", name="Question").press("Enter")
    expect(page.locator("#store-found mark")).to_have_text("lighthouse")

    page.get_by_label("Assistant or thread").select_option(label="Keeper")
    page.get_by_role("button", name="Use it there").click()
    user = page.get_by_role("list", name="Assistants and threads").get_by_role("link")
    assistant = (user.get_attribute("href") or "").rpartition("/")[2]
    page.goto(f"/threads/new?assistant={assistant}")
    studio.ask("When was the lighthouse built?")
    studio.wait_for("Completed")
    answer = page.locator(".msg--assistant")
    preview = answer.locator(".cite__note").first
    expect(preview).to_be_hidden()
    answer.locator(".cite a").first.hover()
    expect(preview).to_be_visible()
    expect(preview).to_have_text("books/inner/harbor.txt Its lighthouse was built in 1822.")
    page.mouse.move(0, 0)
    answer.locator(".notes a", has_text="harbor.txt").click()
    passage = page.locator("#passage")
    expect(passage).to_have_text("Its lighthouse was built in 1822.")
    expect(passage).to_be_in_viewport()

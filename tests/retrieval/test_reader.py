"""The reader: each type of file with a real one, and files that mean harm."""

import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docx
import pptx
import psutil
import pytest
from docx.oxml import parse_xml

from assistants.retrieval import child
from assistants.retrieval.reader import EXTENSIONS, Closed, Reader, Unreadable
from tests.retrieval import documents
from tests.retrieval.conftest import ReadBytes
from tests.until import until

ARTICLE = (
    "<html><head><title>Whales</title><style>p {}</style></head><body>"
    "<nav><a href='/'>Go home</a><a href='/login'>Sign in</a></nav><article><h1>Whales</h1>"
    + "".join(f"<p>Paragraph {n} tells of whales and their journeys.</p>" for n in range(20))
    + "<table><tr><td>blue whale</td><td>30 m</td></tr></table></article></body></html>"
)


def refusal(read: ReadBytes, filename: str, data: bytes, **options: float) -> str:
    with pytest.raises(Unreadable) as caught:
        read(filename, data, **options)
    assert caught.value.code == "invalid_file"
    assert caught.value.message.endswith(".")
    return caught.value.message


@pytest.mark.parametrize("extension", sorted(EXTENSIONS - {".doc", ".docx", ".pdf", ".pptx"}))
def test_text_of_every_type_is_read(read: ReadBytes, extension: str) -> None:
    (passage,) = read(f"FILE{extension.upper()}", b"whales are large\r\nand old\n")
    if extension != ".html":
        assert passage.text == "whales are large\nand old"
    assert (passage.start, passage.page) == (0, None)


@pytest.mark.parametrize("filename", ["table.csv", "picture.png", "sheet.xlsx", "noextension"])
def test_other_types_are_unsupported(read: ReadBytes, filename: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(filename, b"text")
    assert caught.value.code == "unsupported_file"
    assert "are not supported for retrieval." in caught.value.message
    assert "for example as .txt or .pdf" in caught.value.message


@pytest.mark.parametrize(
    "encoding, text",
    [
        ("utf-8", "日本語 Größe"),
        ("utf-8", "x"),
        ("utf-8", "鲸"),
        ("utf-8-sig", "日本語 Größe"),
        ("utf-16", "日本語 Größe"),
        ("utf-16-le", "whales are large"),
        ("utf-16-be", "whales are large"),
        ("utf-32", "whales are large"),
        ("gb18030", "中文测试文件内容"),
        ("gb18030", "今天天气很好，我们去公园。" * 50),
        ("big5", "資料庫設計的說明"),
        ("shift_jis", "今日はとても良い天気ですね"),
        ("shift_jis", "会議は水曜日に変更"),
        ("euc_jp", "今日はとても良い天気ですね"),
        ("euc_kr", "오늘은 날씨가 아주 좋습니다"),
        ("cp1251", "Сегодня очень хорошая погода"),
        ("koi8-r", "Сегодня очень хорошая погода"),
        ("cp1252", "Où est l’hôtel à côté ?"),
        ("cp1253", "Σήμερα ο καιρός είναι πολύ καλός"),
    ],
)
def test_the_encoding_of_a_text_is_found(read: ReadBytes, encoding: str, text: str) -> None:
    assert read("file.txt", text.encode(encoding))[0].text == text


def test_html_is_read_without_its_navigation(read: ReadBytes) -> None:
    (passage,) = read("page.html", ARTICLE.encode())
    assert passage.text.startswith("Whales")
    assert "Paragraph 19 tells" in passage.text
    assert "blue whale" in passage.text
    assert "Sign in" not in passage.text


def test_html_without_an_article_is_read_whole(read: ReadBytes) -> None:
    (passage,) = read("page.html", b"<p>some <b>bold</b></p><script>no()</script><div>two</div>")
    assert passage.text == "some bold\ntwo"


def test_what_a_page_hides_is_not_read(read: ReadBytes) -> None:
    page = b"""<p>Seen.</p><p hidden>secret</p><p style="color:red; display:none">secret</p>
    <div style="DISPLAY: none"><p>secret</p></div>tail<p hidden="until-found">Found.</p>"""
    assert read("page.html", page)[0].text == "Seen.\ntail\nFound."


def test_html_is_decoded_as_it_says_itself(read: ReadBytes) -> None:
    page = '<meta charset="gb2312"><p>鲸</p>'.encode("gb18030")
    assert read("page.html", page)[0].text == "鲸"


def test_pdf_passages_have_their_pages(read: ReadBytes) -> None:
    data = documents.pdf_of("one whale", "", "three whales")
    assert [(one.text, one.page) for one in read("a.pdf", data)] == [
        ("one whale", 1),
        ("three whales", 3),
    ]


def test_a_scanned_pdf_says_that_it_has_only_images(read: ReadBytes) -> None:
    assert "only images" in refusal(read, "a.pdf", documents.pdf([b"0 0 10 10 re f"]))


def test_a_word_document_is_read_in_order(read: ReadBytes, tmp_path: Path) -> None:
    (passage,) = read("a.docx", documents.word(tmp_path / "a.docx"))
    assert passage.text == "Whales\nThe blue whale is large. 蓝鲸很大。\nlength\t30 m\n\nThe end."


def test_slides_have_their_numbers(read: ReadBytes, tmp_path: Path) -> None:
    passages = read("a.pptx", documents.slides(tmp_path / "a.pptx"))
    assert [one.page for one in passages] == [1, 2, 3]
    assert passages[1].text == "Slide 2\nfirst point\nsecond point\nsay this on 2"


def test_an_old_word_document_is_read(read: ReadBytes) -> None:
    text = 'See \x13 HYPERLINK "http://a" \x14the page\x15.\rWhales are “large” 鲸.\r'
    (passage,) = read("a.doc", documents.old_word(text))
    assert passage.text == "See the page.\nWhales are “large” 鲸."


def test_a_doc_that_is_a_docx_is_read(read: ReadBytes, tmp_path: Path) -> None:
    assert read("a.doc", documents.word(tmp_path / "a.docx"))[0].text.startswith("Whales")


@pytest.mark.parametrize("filename", ["a.txt", "a.pdf", "a.docx", "a.pptx", "a.doc", "a.html"])
def test_an_empty_file_is_invalid(read: ReadBytes, filename: str) -> None:
    assert refusal(read, filename, b"") == "The file is empty."


def test_a_file_of_white_space_has_no_text(read: ReadBytes) -> None:
    assert refusal(read, "a.md", b" \n\t\n") == "The file has no text in it."


@pytest.mark.parametrize(
    "filename, data",
    [
        ("a.txt", b"%PDF-1.7 and so on"),
        ("a.py", b"PK\x03\x04 and so on"),
        ("a.md", b"\x89PNG\r\n\x1a\n"),
        ("a.txt", bytes(range(256)) * 20),
        ("a.txt", bytes(5000)),
        ("a.html", b"\xff\xd8\xff"),
        ("a.pdf", b"plain text"),
        ("a.pdf", b"%PDF-1.4\nbroken"),
        ("a.docx", b"plain text"),
        ("a.docx", b"PK\x03\x04broken"),
        ("a.pptx", b"plain text"),
        ("a.doc", b"{\\rtf1 text}"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 2000),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100),
    ],
)
def test_a_mislabelled_or_broken_file_is_invalid(
    read: ReadBytes, filename: str, data: bytes
) -> None:
    refusal(read, filename, data)


def test_a_presentation_is_no_word_document(read: ReadBytes, tmp_path: Path) -> None:
    data = documents.slides(tmp_path / "a.pptx")
    assert refusal(read, "a.docx", data) == "The file is not a Word file, as its name says."


def test_a_protected_file_says_so(read: ReadBytes) -> None:
    compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    assert "password" in refusal(read, "a.docx", compound)
    assert "password" in refusal(read, "a.doc", documents.old_word("text", encrypted=True))
    protected = documents.pdf_of("text").replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4"
        b" /O <%s> /U <%s> >>" % (b"11" * 32, b"22" * 32),
    )
    assert "password" in refusal(read, "a.pdf", protected)


@pytest.fixture
def word_document(tmp_path: Path) -> bytes:
    return documents.word(tmp_path / "a.docx")


def test_a_swollen_archive_is_refused_before_it_is_unpacked(
    read: ReadBytes, word_document: bytes
) -> None:
    bomb = documents.swollen(
        word_document, "word/document.xml", b"<w:body>", b"<w:p/>" * 20_000_000
    )
    begun = time.monotonic()
    assert "too large when it is unpacked" in refusal(read, "a.docx", bomb)
    assert time.monotonic() - begun < 2


def test_an_archive_that_lies_about_its_sizes_is_invalid(
    read: ReadBytes, word_document: bytes
) -> None:
    bomb = documents.swollen(
        word_document, "word/document.xml", b"<w:body>", b"<w:p/>" * 10_000_000
    )
    at = bomb.rindex(b"word/document.xml") - 22
    refusal(read, "a.docx", bomb[:at] + (1000).to_bytes(4, "little") + bomb[at + 4 :])


@pytest.mark.parametrize(
    "content",
    [b"q " * 60_000_000, b"BT /F1 1 Tf " + b"(aaaaaaaaaaaaaaaa) Tj " * 8_000_000 + b"ET"],
)
def test_a_pdf_bomb_ends_its_child_only(reader: Reader, read: ReadBytes, content: bytes) -> None:
    assert "memory" in refusal(read, "a.pdf", documents.pdf([content]))
    assert read("b.txt", b"still here")[0].text == "still here"


def test_entities_are_not_expanded(read: ReadBytes, word_document: bytes) -> None:
    entities = b'<!DOCTYPE a [<!ENTITY a "lol">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    bomb = documents.swollen(word_document, "word/document.xml", b"?>", entities + b"]>")
    (passage,) = read("a.docx", bomb)
    assert "lol" not in passage.text


@pytest.mark.parametrize("depth", [255, 300, 2_000])
def test_html_that_is_nested_deeply_is_read_to_its_end(read: ReadBytes, depth: int) -> None:
    page = b"<div>" * depth + b"deep" + b"</div>" * depth + b"<p>after</p>"
    assert read("a.html", page)[0].text == "deep\nafter"


def test_html_without_a_bottom_fails_and_is_not_cut_off(read: ReadBytes) -> None:
    page = b"<p>above</p>" + b"<div>" * 3_000 + b"deep"
    assert refusal(read, "a.html", page) == "The file's elements are nested too deeply to be read."


def test_nesting_without_end_is_survived(read: ReadBytes) -> None:
    for opening in (b"<div>", b"<table><tr><td>", b"<b>", b"<ul><li>"):
        with contextlib.suppress(Unreadable):
            read("a.html", b"<p>above</p>" + opening * 100_000 + b"deep", deadline=20)
    assert read("b.txt", b"still here")


def test_more_tokens_than_a_file_may_have_are_refused(read: ReadBytes) -> None:
    assert "5,000,000 tokens" in refusal(read, "a.txt", "鲸".encode() * 5_000_001)


def test_a_file_that_takes_too_long_fails_and_the_next_is_read(read: ReadBytes) -> None:
    slow = documents.pdf([b"BT /F1 1 Tf " + b"(aaaaaaaaaaaaaaaa) Tj " * 3_000_000 + b"ET"])
    begun = time.monotonic()
    assert refusal(read, "a.pdf", slow, deadline=0.2).startswith("The file took longer than 0.2")
    assert time.monotonic() - begun < 2
    assert read("b.txt", b"still here")[0].text == "still here"


def test_a_file_that_was_deleted_meanwhile_is_no_error_in_the_log(
    reader: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(Unreadable) as caught:
        reader.read(str(tmp_path / "gone"), "a.txt")
    assert caught.value.code == "server_error"
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_a_child_that_was_killed_is_replaced(tmp_path: Path) -> None:
    before = set(children())
    reader = Reader(children=1)
    path = tmp_path / "a.txt"
    path.write_text("whales")
    assert reader.read(str(path), "a.txt")
    (process,) = set(children()) - before
    process.kill()
    process.wait(5)
    assert reader.read(str(path), "a.txt")[0].text == "whales"
    reader.close()
    with pytest.raises(Closed):
        reader.read(str(path), "a.txt")


def test_a_reader_that_is_closed_ends_children_at_work_and_starts_none(tmp_path: Path) -> None:
    slow = documents.pdf([b"BT /F1 1 Tf " + b"(aaaaaaaaaaaaaaaa) Tj " * 3_000_000 + b"ET"])
    (tmp_path / "a.pdf").write_bytes(slow)
    before = set(children())
    reader = Reader(children=1)
    with ThreadPoolExecutor(3) as pool:
        reads = [pool.submit(reader.read, str(tmp_path / "a.pdf"), "a.pdf") for _ in range(3)]
        until(lambda: set(children()) - before, "no child was started")
        begun = time.monotonic()
        reader.close()
        assert [type(one.exception(5)) for one in reads] == [Closed] * 3
    assert time.monotonic() - begun < 2
    assert set(children()) <= before


def test_many_threads_may_read_at_once(tmp_path: Path) -> None:
    before = set(children())
    reader = Reader(children=2)
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"whale number {number}")
    with ThreadPoolExecutor(8) as pool:
        read = list(
            pool.map(lambda n: reader.read(str(tmp_path / f"{n}.txt"), "a.txt")[0].text, range(40))
        )
    assert read == [f"whale number {number}" for number in range(40)]
    assert len(set(children()) - before) <= 2
    reader.close()
    assert set(children()) <= before


def test_a_child_has_limits_and_knows_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    before = set(children())
    reader = Reader(children=1)
    (tmp_path / "a.txt").write_text("whales")
    reader.read(str(tmp_path / "a.txt"), "a.txt")
    (process,) = set(children()) - before
    assert "OPENAI_API_KEY" not in process.environ()
    assert process.rlimit(psutil.RLIMIT_AS)[0] == child.MAX_MEMORY
    assert process.rlimit(psutil.RLIMIT_CPU)[0] < 200
    assert process.rlimit(psutil.RLIMIT_NOFILE)[0] == child.MAX_OPEN_FILES
    assert process.rlimit(psutil.RLIMIT_FSIZE)[0] == process.rlimit(psutil.RLIMIT_NPROC)[0] == 0
    reader.close()


def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("whales")
    code = "import os, sys, time; from assistants.retrieval.reader import Reader; "
    code += (
        "reader = Reader(); reader.read(sys.argv[1], 'a.txt'); print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline()
        (process,) = psutil.Process(parent.pid).children()
        parent.kill()
    process.wait(5)


def test_retrieval_needs_no_django() -> None:
    code = "import sys, assistants.retrieval.child, assistants.retrieval.index as _; "
    code += "sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(os.getpid()).children()
        if "assistants.retrieval.child" in process.cmdline()
    ]


def test_a_table_on_a_slide_is_read(read: ReadBytes, tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    table = slide.shapes.add_table(1, 2, 0, 0, 100, 100).table
    table.cell(0, 0).text, table.cell(0, 1).text = "length", "30 m"
    deck.save(str(tmp_path / "a.pptx"))
    (passage,) = read("a.pptx", (tmp_path / "a.pptx").read_bytes())
    assert passage.text == "length\t30 m"


def test_all_text_of_a_word_file_is_read_wherever_it_stands(
    read: ReadBytes, tmp_path: Path
) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Overhead"
    document.sections[0].footer.paragraphs[0].text = "Underfoot"
    outer = document.add_table(rows=1, cols=1).cell(0, 0)
    outer.add_table(rows=1, cols=1).cell(0, 0).text = "Nested"
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    run = "<w:r><w:t>{}</w:t></w:r>"
    for inside in (
        f"<w:ins>{run.format('Inserted')}</w:ins><w:del><w:r><w:delText>Gone</w:delText></w:r></w:del>",
        f"<w:sdt><w:sdtContent>{run.format('Controlled')}</w:sdtContent></w:sdt>",
        f"<w:r><w:pict><w:txbxContent><w:p>{run.format('Boxed')}</w:p></w:txbxContent></w:pict></w:r>",
    ):
        document.element.body.insert(0, parse_xml(f"<w:p {space}>{inside}</w:p>"))
    document.save(str(tmp_path / "a.docx"))
    (passage,) = read("a.docx", (tmp_path / "a.docx").read_bytes())
    for word in ("Overhead", "Nested", "Inserted", "Controlled", "Boxed", "Underfoot"):
        assert passage.text.count(word) == 1, word
    assert "Gone" not in passage.text


def test_a_word_that_goes_on_in_the_next_line_of_a_pdf_is_whole(read: ReadBytes) -> None:
    content = b"BT /F1 12 Tf 14 TL 50 700 Td (The manufac-) Tj T* (turer is here.) Tj ET"
    (passage,) = read("a.pdf", documents.pdf([content]))
    assert "manufacturer" in passage.text
    assert "\x02" not in passage.text


def test_letters_that_json_writes_as_numbers_are_read(read: ReadBytes) -> None:
    written = json.dumps({"a": "München 高雄 🦊", "b": 'C:\\u00fc "x"', "c": "\u0000"})
    (passage,) = read("a.json", written.encode())
    assert '"München 高雄 🦊"' in passage.text
    assert r'"C:\\u00fc \"x\""' in passage.text
    assert r'"\u0000"' in passage.text


@pytest.mark.parametrize(
    "data, text",
    [
        ("Größe und Maß".encode()[:-1], "Größe und Ma"),
        ("Guter Text über Größe. ".encode() * 50 + b"\xff\xfe\xfa bad", "über Größe"),
        (
            "Größe ".encode() + b"\xff und " + "Maß ".encode() + b"\xfe" + " über 5 €".encode(),
            "über 5 €",
        ),
        ("風力發電的成本".encode("big5")[:-1], "風力發電的成"),
    ],
)
def test_a_text_with_a_fault_is_read_as_what_it_is(read: ReadBytes, data: bytes, text: str) -> None:
    assert text in read("a.txt", data)[0].text

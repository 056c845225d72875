"""Which queries ask for documents as a whole."""

import pytest

from assistants.retrieval.whole import may_ask, meant, named

NAMES = ["handbook.pdf", "員工手冊.docx", "report-2023.txt", "a.md", "Quarterly Report.pdf"]


@pytest.mark.parametrize(
    "query",
    [
        "Summarise the attached document",
        "Please summarize the uploaded PDF in three sentences.",
        "What is in this file?",
        "What is this document about?",
        "What is this about?",
        "What do my files say?",
        "Who is the author of this document?",
        "summary",
        "main points",
        "TL;DR",
        "請摘要這份文件",
        "請幫我總結一下這份文件的重點",
        "这个文件讲了什么？",
        "附件的內容是什麼",
        "PDF的內容",
        "Fasse das Dokument zusammen",
        "Que contient le fichier ?",
        "Resume el documento adjunto",
        "Di cosa parla il documento?",
        "Resuma o documento",
        "Vat het document samen",
        "この文書を要約してください",
        "이 문서를 요약해 주세요",
        "Кратко перескажи документ",
        "Zusammenfassung der Datei",
        "Bitte fasse zusammen",
        "Wat staat er in het bestand?",
        "Résumez la pièce jointe",
        "What does the attached say?",
        "highlights of the attached file",
        "Краткое содержание файлов",
    ],
)
def test_a_query_about_documents_means_all(query: str) -> None:
    assert meant(query, NAMES) == set(NAMES)


@pytest.mark.parametrize(
    "query, name",
    [
        ("What does handbook.pdf say?", "handbook.pdf"),
        ("handbook.pdf", "handbook.pdf"),
        ("summary of the handbook", "handbook.pdf"),
        ("summarize report 2023", "report-2023.txt"),
        ("What is Quarterly Report.pdf about?", "Quarterly Report.pdf"),
        ("摘要員工手冊", "員工手冊.docx"),
        ("員工手冊.docx的內容", "員工手冊.docx"),
        ("总结员工手册", "員工手冊.docx"),
    ],
)
def test_one_that_names_a_file_means_that(query: str, name: str) -> None:
    assert meant(query, NAMES) == {name}


def test_what_is_called_a_report_is_one_that_has_it_in_its_name() -> None:
    assert meant("summarise the report", NAMES) == {"report-2023.txt", "Quarterly Report.pdf"}
    assert meant("summarise the contract", NAMES) == set(NAMES)


def test_of_two_names_that_are_in_a_query_the_longer_is_meant() -> None:
    assert meant("summary of report.txt", ["report.txt", "port.txt"]) == {"report.txt"}


@pytest.mark.parametrize(
    "query",
    [
        "refund policy",
        "summarize the refund policy",
        "summary of the war",
        "What does handbook.pdf say about refunds?",
        "員工手冊的請假規定",
        "How do I upload a file?",
        "How do I open a file in Python?",
        "What is a document?",
        "什麼是文件",
        "如何上傳文件",
        "上傳檔案的步驟",
        "檔案管理系統",
        "file system journaling",
        "paper",
        "resume",
        "Zusammenarbeit",
        "zusammen",
        "Bestand",
        "Bestandteile",
        "Dateisystem",
        "Dokumentation",
        "recapitalization",
        "краткосрочный",
        "кратко",
        "документация",
        "joint",
        "joint report",
        "attached",
        "uploaded",
        "outline",
        "highlight",
        "highlight text",
        "fasse die Erstattung zusammen",
        "summary of containers",
        "summary of newton",
        "summary of data.md",
        "summary of my_a.md",
        "summary of a.mdx",
        "handbook",
        "and in 2023?",
        "What is it?",
        "",
        "summary " * 60,
    ],
)
def test_one_that_asks_for_something_means_none(query: str) -> None:
    assert meant(query, NAMES) == set()


def test_a_name_within_a_word_is_not_named() -> None:
    assert meant("summary of report.txt", ["port.txt"]) == set()
    assert meant("summarise the documents", ["doc", "notes.md"]) == {"doc", "notes.md"}
    assert meant("summarise all files", ["all", "notes.md"]) == {"all", "notes.md"}
    assert meant("summarise Makefile", ["Makefile", "notes.md"]) == {"Makefile"}
    assert meant("摘要report.md的內容", ["report.md", "notes.md"]) == {"report.md"}


@pytest.mark.parametrize(
    "query, may",
    [
        ("summary", True),
        ("handbook.pdf", True),
        ("file systems", True),
        ("refund policy", False),
        ("How do I open a file?", False),
        ("attached", False),
    ],
)
def test_most_queries_need_no_names(query: str, may: bool) -> None:
    assert may_ask(query) == may


def test_a_name_alone_means_its_file() -> None:
    assert named("Quarterly report", NAMES) == {"Quarterly Report.pdf"}
    assert named("员工手册", NAMES) == {"員工手冊.docx"}
    assert named("report", NAMES) == set()
    assert named("", NAMES) == set()

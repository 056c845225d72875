"""Which queries ask for documents as a whole."""

import pytest

from assistants.retrieval.whole import meant, named

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
        "handbook",
        "and in 2023?",
        "What is it?",
        "",
        "summary " * 60,
    ],
)
def test_one_that_asks_for_something_means_none(query: str) -> None:
    assert meant(query, NAMES) == set()


def test_a_name_alone_means_its_file() -> None:
    assert named("Quarterly report", NAMES) == {"Quarterly Report.pdf"}
    assert named("员工手册", NAMES) == {"員工手冊.docx"}
    assert named("report", NAMES) == set()
    assert named("", NAMES) == set()

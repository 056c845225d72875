"""Questions about documents: when the demo model searches them, and what it tells of the finds."""

import pytest

from tests.engine.demo.demo_thread import CODE_TOOL, Json, Thread

SEARCH_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "file_search",
        "description": "Searches files.",
        "parameters": {
            "type": "object",
            "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
        },
    },
}
LISTING = "Files you can search with file_search:\n- harbor.txt\n- bread.txt"
ANSWER = """【4:0†harbor.txt】 (harbor.txt, page 2, 0.81)
The harbor opens at six. Its lighthouse was
built in 1822. Gulls live there.

【4:1†bread.txt】 (bread.txt, 0.20)
Bread is baked daily.

- Rye bread costs 4 euros
- 燈塔麵包在早上六點出爐。白麵包比較便宜。"""


@pytest.fixture
def documents(thread: Thread) -> Thread:
    thread.tools = [CODE_TOOL, SEARCH_TOOL]
    thread.instructions = LISTING
    thread.functions = {"file_search": lambda arguments: ANSWER}
    return thread


async def test_a_question_is_searched_for_and_answered_by_quotation(documents: Thread) -> None:
    turn = await documents.say("When was the lighthouse built?")
    assert turn.calls == [("file_search", {"queries": ["When was the lighthouse built?"]})]
    assert turn.text == (
        "Your files say:\n\n> Its lighthouse was built in 1822. 【4:0†harbor.txt】"
    )


async def test_an_item_of_a_list_is_quoted_without_its_bullet(documents: Thread) -> None:
    turn = await documents.say("What does rye bread cost?")
    assert "> Rye bread costs 4 euros 【4:1†bread.txt】" in turn.text


async def test_it_answers_in_the_language_of_the_question(documents: Thread) -> None:
    turn = await documents.say("燈塔麵包幾點出爐？")
    assert turn.text.startswith("您的檔案裡寫著")
    assert "燈塔麵包在早上六點出爐。 【4:1†bread.txt】" in turn.text
    assert "白麵包" not in turn.text


@pytest.mark.parametrize(
    "question, frame",
    [
        ("Wie viel kostet das Brot?", "In Ihren Dateien steht:"),
        ("Quand le phare a-t-il été construit ?", "Vos fichiers disent :"),
        ("灯台はいつ建てられましたか", "ファイルには"),
        ("这个灯塔是什么时候建的？", "您的文件里写着："),
        ("故宫星期几闭馆？", "您的文件里写着："),
        ("故宮星期幾閉館？", "您的檔案裡寫著："),
        ("台北在哪里？", "您的檔案裡寫著："),
        ("這座燈塔是什麼時候建的？", "您的檔案裡寫著："),
        ("How much is the bread?", "Your files say:"),
    ],
)
async def test_the_frame_of_an_answer_is_in_the_language_of_the_question(
    documents: Thread, question: str, frame: str
) -> None:
    assert (await documents.say(question)).text.startswith(frame)


async def test_it_says_so_when_nothing_was_found(documents: Thread) -> None:
    documents.functions = {"file_search": lambda arguments: "Nothing was found."}
    turn = await documents.say("What is the capital of France?")
    assert "found nothing" in turn.text
    assert "【" not in turn.text


@pytest.mark.parametrize("text", ["Hello!", "Thanks!", "What is 12*7?", "Plot a sine wave"])
async def test_what_is_not_about_documents_is_not_searched_for(
    documents: Thread, text: str
) -> None:
    assert (await documents.say(text)).calls == []


async def test_without_files_nothing_is_searched(documents: Thread) -> None:
    documents.instructions = ""
    assert (await documents.say("When was the lighthouse built?")).calls == []


async def test_a_question_that_goes_on_is_searched_with_the_one_before(documents: Thread) -> None:
    await documents.say("When was the lighthouse built?")
    turn = await documents.say("And the harbor?")
    assert turn.calls == [
        (
            "file_search",
            {"queries": ["And the harbor? When was the lighthouse built?", "And the harbor?"]},
        )
    ]
    turn = await documents.say("What does rye bread cost in the harbor town?")
    assert turn.calls == [
        ("file_search", {"queries": ["What does rye bread cost in the harbor town?"]})
    ]


async def test_files_that_could_not_be_read_are_told_of(documents: Thread) -> None:
    unread = "Files that you cannot search. Say so:\n- a.pdf: The PDF file is damaged."
    documents.instructions = f"Be kind.\n\n{unread}"
    turn = await documents.say("When was the lighthouse built?")
    assert turn.calls == []
    assert turn.text == "I could not search these files:\n\n- a.pdf: The PDF file is damaged."
    documents.instructions = f"{LISTING}\n\n{unread}"
    assert "a.pdf" not in (await documents.say("When was the lighthouse built?")).text
    assert "a.pdf: The PDF" in (await documents.say("What does A.pdf say of the lighthouse?")).text
    documents.functions = {"file_search": lambda arguments: "Nothing was found."}
    assert "a.pdf: The PDF" in (await documents.say("When was the lighthouse built?")).text


async def test_a_question_about_files_where_there_are_none_says_how_to_add_one(
    documents: Thread,
) -> None:
    documents.instructions = ""
    assert (await documents.say("What do my files say?")).text.startswith("There are no files here")
    assert (await documents.say("我的文件里写着什么？")).text.startswith("这里没有")


BEGUN = """【4:0†harbor.txt】 (harbor.txt, page 1, from the beginning of the file)
Harbor
The harbor opens at six in summer and at eight in winter. Its lighthouse was built in 1822, of
stone. Gulls live there, and a pair of falcons has a nest on its top in most years. Boats may be
moored from the quay on the left for two nights at most. The town is behind it. It is old.

【4:1†harbor.txt】 (harbor.txt, page 2, from the beginning of the file)
The document ends."""


async def test_asked_for_a_document_as_a_whole_it_tells_how_that_begins(documents: Thread) -> None:
    documents.functions = {"file_search": lambda arguments: BEGUN}
    text = (await documents.say("Summarise the attached document")).text
    assert text == (
        "I can quote, but not summarise; this is how your files begin:\n\n"
        "> Harbor 【4:0†harbor.txt】\n>\n"
        "> The harbor opens at six in summer and at eight in winter. 【4:0†harbor.txt】\n>\n"
        "> Its lighthouse was built in 1822, of stone. 【4:0†harbor.txt】\n>\n"
        "> Gulls live there, and a pair of falcons has a nest on its top in most years."
        " 【4:0†harbor.txt】\n>\n"
        "> Boats may be moored from the quay on the left for two nights at most."
        " 【4:0†harbor.txt】\n>\n> The town is behind it. 【4:0†harbor.txt】"
    )
    assert (await documents.say("請摘要這份文件")).text.startswith("我只會引用，不會摘要；您的檔案")
    assert (await documents.say("请总结这个文件")).text.startswith("我只会引用，不会摘要；您的文件")
    assert (await documents.say("Was steht in der Datei?")).text.startswith("So beginnen")


async def test_of_several_documents_it_tells_less_of_each(documents: Thread) -> None:
    found = (
        "\n【4:2†bread.txt】 (bread.txt, from the beginning of the file)\nBread is baked. Daily."
    )
    found += "\n\n【4:3†other.txt】 (other.txt, 0.81)\nWhat this document is."
    documents.functions = {"file_search": lambda arguments: f"{BEGUN}\n{found}"}
    text = (await documents.say("What do my files say?")).text
    assert "> Harbor 【4:0†harbor.txt】\n>\n> The harbor opens at six in summer" in text
    assert "> Bread is baked. 【4:2†bread.txt】" in text
    assert "Gulls" not in text
    assert "other.txt" not in text
    text = (await documents.say("What is in bread.txt?")).text
    assert "> Bread is baked. 【4:2†bread.txt】\n>\n> Daily. 【4:2†bread.txt】" in text
    assert "harbor" not in text


async def test_rare_words_of_the_question_outweigh_those_that_stand_everywhere(
    documents: Thread,
) -> None:
    answer = """【4:0†w.txt】 (w.txt, 0.81)
The Zephyr has a warranty of 24 months. Batteries are covered for twelve months only.
The Zephyr has two wheels. The Zephyr is red. The warranty is void in the rain. Keep the Zephyr."""
    documents.functions = {"file_search": lambda arguments: answer}
    text = (await documents.say("How long is the warranty on the Zephyr batteries?")).text
    assert "> Batteries are covered for twelve months only." in text
    assert "wheels" not in text


async def test_the_question_outweighs_the_one_that_it_goes_on_from(documents: Thread) -> None:
    answer = """【4:0†m.txt】 (m.txt, 0.81)
The museum opens at ten on weekdays, its opening hours end at six.

【4:1†m.txt】 (m.txt, 0.50)
A ticket costs 12 euros."""
    documents.functions = {"file_search": lambda arguments: answer}
    await documents.say("What are the opening hours of the museum on weekdays?")
    text = (await documents.say("and what does the ticket cost?")).text
    assert "> A ticket costs 12 euros. 【4:1†m.txt】" in text
    assert "opens at ten" not in text

"""Segments: what a query and a passage must have in common to meet."""

import pytest

from assistants.retrieval.segments import MAX_QUERY, Way, document, query


def meets(asked: str, text: str) -> bool:
    """Whether every word of the query is found in the passage."""
    passage = document(text)
    fields = {"words": passage.words, "rest": passage.rest}
    terms = query(asked, [passage.language])
    return bool(terms) and all(any(way.word in fields[way.field] for way in ways) for ways in terms)


@pytest.mark.parametrize(
    "asked, text",
    [
        ("house", "Many houses were built"),
        ("ware\u200bhouse", "the ware\u200dhouse"),
        ("warehouse", "the ware\u200chouse"),
        ("故宫", "故\u200b宫"),
        ("BUILDING", "what they had built and are building"),
        ("the company", "a company's profits"),
        ("Häuser", "Das Haus ist nicht groß und auch nicht schön"),
        ("resume", "He sent his résumé"),
        ("hôtels", "Il est dans l'hôtel avec les autres et la gare"),
        ("города", "Это большой город, и он не один"),
        ("蓝鲸", "最大的动物是蓝鲸。"),
        ("鲸", "最大的动物是蓝鲸。"),
        ("鲸", "鲸 whale"),
        ("最大的動物是藍鯨", "最大的动物是蓝鲸。"),
        ("鯨", "最大的动物是蓝鲸。"),
        ("台湾图书馆的头发", "臺灣圖書館的頭髮"),
        ("软体动物", "軟體動物"),
        ("東京タワー", "昨日東京タワーに行った"),
        ("날씨", "오늘날씨가 좋다"),
        ("ｆｕｌｌｗｉｄｔｈ", "fullwidth letters"),
        ("parse_response", "def parse_response(text):"),
        ("parse response", "def parse_response(text):"),
        ("response", "value = parseHTTPResponse2()"),
        ("HTTP", "value = parseHTTPResponse2()"),
        ("parsehttpresponse", "value = parseHTTPResponse()"),
        ("1000", "it costs 1,000 or more"),
        ("3.14", "pi is 3.14"),
        ("to be or not to be", "To be, or not to be: that is the question"),
    ],
)
def test_a_query_meets_a_passage(asked: str, text: str) -> None:
    assert meets(asked, text)


def test_stop_words_count_only_when_there_is_nothing_else() -> None:
    assert query("what is the whale", ["english"]) == [(Way("words", "whale"),)]
    assert query("what is", ["english"]) == [(Way("rest", "what"),), (Way("rest", "is"),)]


def test_of_a_long_query_the_beginning_is_looked_for() -> None:
    asked = query(" ".join(f"{word}word" for word in range(30_000)), ["english"])
    assert asked[0] == (Way("words", "0word"),)
    assert 400 < len(asked) < 2 * MAX_QUERY
    assert len(query("鲸鱼" * 30_000, [])) == MAX_QUERY - 1


def test_a_query_knows_a_word_in_every_language_of_the_store() -> None:
    ((*ways,),) = query("Häuser", ["english", "german"])
    assert [way.word for way in ways] == ["hauser", "haus"]


@pytest.mark.parametrize(
    "text, language",
    [
        ("The quick brown fox and the dog are in the garden", "english"),
        ("Der schnelle Fuchs und der Hund sind nicht in dem Garten", "german"),
        ("Le renard et le chien ne sont pas dans le jardin", "french"),
        ("El zorro y el perro no están en el jardín con los otros", "spanish"),
        ("Лиса и собака не в саду", "russian"),
        ("Η αλεπού και ο σκύλος", "greek"),
        ("fn main", "english"),
        ("", "english"),
    ],
)
def test_the_language_is_told_by_script_and_stop_words(text: str, language: str) -> None:
    assert document(text).language == language


def test_text_without_words_has_no_segments() -> None:
    assert document("--- *** \U0001f433").words == []
    assert query("???", []) == []


def test_stop_words_of_the_querys_own_language_say_nothing_beside_another() -> None:
    alone = query("what is the warranty of the pump", ["english"])
    beside = query("what is the warranty of the pump", ["english", "german"])
    assert len(alone) == len(beside) == 2
    assert all(way.field == "rest" for ways in query("die", ["english", "german"]) for way in ways)


def test_what_is_not_seen_within_a_word_does_not_part_it() -> None:
    soft = document("Donau\u00addampf\u00adschiff für alle")
    assert soft.words == document("Donaudampfschiff für alle").words

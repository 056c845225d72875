"""What a citation quotes: the sentence of a passage that fits what is claimed."""

import pytest

from assistants.engine.sentences import MAX_QUOTE, asked, claim, quote, sentences

PASSAGE = """# Harbor

The harbor opens at six. Its lighthouse was
built in 1822.

- Boats leave at 7.30
- 燈塔在1822年建成。海鷗住在那裡！
"""


def test_sentences_end_where_sentences_paragraphs_and_items_end() -> None:
    assert sentences(PASSAGE) == [
        "# Harbor",
        "The harbor opens at six.",
        "Its lighthouse was\nbuilt in 1822.",
        "- Boats leave at 7.30",
        "- 燈塔在1822年建成。",
        "海鷗住在那裡！",
    ]


def test_headings_below_each_other_are_sentences_of_their_own() -> None:
    text = "Employee Handbook\nLeave\nEvery employee has 25 days of paid leave.\nThey expire."
    assert sentences(text) == [
        "Employee Handbook",
        "Leave",
        "Every employee has 25 days of paid leave.",
        "They expire.",
    ]
    broken = "The rain in Spain\nfalls\nmainly in the plain, where few people have ever been."
    assert sentences(broken) == [broken]


def test_a_day_of_a_month_ends_no_sentence() -> None:
    german = "Er kam am 3. Mai an. Am 12. ging er. Um 7.30. Es war 1822. Ende."
    assert sentences(german) == [
        "Er kam am 3. Mai an.",
        "Am 12. ging er.",
        "Um 7.30.",
        "Es war 1822.",
        "Ende.",
    ]
    assert sentences("3. Mai. Sonne.") == ["3. Mai.", "Sonne."]


def test_stop_words_of_a_claims_own_language_support_nothing() -> None:
    rules = "Der Beitrag ist der höchste. Gäste zahlen zwei Euro. Der Hund ist der beste."
    said = "Was ist der Preis für die Gäste, und ist der gut"
    assert quote(rules, said) == "Gäste zahlen zwei Euro."
    assert asked("the man who had to die in the war") >= {"man", "die", "war"}
    assert asked("Wie ist das")


@pytest.mark.parametrize(
    "said, quoted",
    [
        ("The boats leave early", "- Boats leave at 7.30"),
        ("They built the lighthouses long ago.", "Its lighthouse was\nbuilt in 1822."),
        ("那裡有海鷗", "海鷗住在那裡！"),
        ("那里有海鸥", "海鷗住在那裡！"),
        ("灯塔的历史", "- 燈塔在1822年建成。"),
        ("Something else entirely", "# Harbor"),
        ("", "# Harbor"),
    ],
)
def test_the_sentence_that_supports_a_claim_is_quoted(said: str, quoted: str) -> None:
    assert quote(PASSAGE, said) == quoted


@pytest.mark.parametrize(
    "said",
    [
        "Tea is hot. Boats leave at seven",
        "Tea is hot. Boats leave at seven.",
        "Tea is hot. Boats leave at seven【4:0†a.txt】",
        "Tea is hot.\n\n- Boats leave at seven. 【4:0†a.txt】 ",
    ],
)
def test_what_is_claimed_is_the_sentence_before_the_marker(said: str) -> None:
    assert claim(said).removeprefix("- ") == "Boats leave at seven"


def test_a_long_sentence_is_quoted_in_part() -> None:
    assert len(quote("word " * 500, "word")) == MAX_QUOTE
    assert quote("", "word") == ""


@pytest.mark.parametrize(
    "text, found",
    [
        (
            "Vertrag\nDie Kündigungsfrist beträgt drei Monate.",
            ["Vertrag", "Die Kündigungsfrist beträgt drei Monate."],
        ),
        ("第二章\n本公司之股東會每年召開一次。", ["第二章", "本公司之股東會每年召開一次。"]),
        (
            "The harbor of the town is\nopen from six in the morning until the late evening.",
            ["The harbor of the town is\nopen from six in the morning until the late evening."],
        ),
        (
            "Its name is\nLighthouse of the Harbor.",
            ["Its name is\nLighthouse of the Harbor."],
        ),
    ],
)
def test_a_heading_is_no_part_of_the_sentence_after_it(text: str, found: list[str]) -> None:
    assert sentences(text) == found

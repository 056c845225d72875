"""Passages: together they are the text, none is too long, none ends where it hurts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.retrieval.chunking import Page, parsed_text, passages
from assistants.tokens import estimate

words = st.sampled_from(
    [
        "whale",
        "a",
        "的",
        "鲸鱼很大。",
        "end. ",
        "\n",
        "\n\n",
        " ",
        "\t",
        "x" * 700,
        "、",
        "def f():\n",
        "🐳",
    ]
)
texts = st.lists(words | st.text(max_size=5), max_size=120).map("".join)


@given(
    st.lists(texts, min_size=1, max_size=3),
    st.integers(min_value=2, max_value=60),
    st.floats(min_value=0, max_value=0.5),
    st.booleans(),
)
def test_passages_hold_the_text_and_none_is_too_long(
    written: list[str], size: int, share: float, code: bool
) -> None:
    pages = [Page(text, number) for number, text in enumerate(written, 1)]
    overlap = int(size * share)
    cut = list(passages(pages, size=size, overlap=overlap, code=code))
    text = parsed_text(pages)
    covered = set()
    for passage in cut:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip() != ""
        assert estimate(passage.text) <= size
        covered |= set(range(passage.start, passage.end))
    assert all(place in covered or letter.isspace() for place, letter in enumerate(text))
    for before, after in pairwise(cut):
        assert before.start < after.start
        assert before.end < after.end
        assert (before.page or 0) <= (after.page or 0)
        if after.start < before.end:
            assert estimate(text[after.start : before.end]) <= overlap


def test_a_passage_never_spans_two_pages() -> None:
    cut = list(passages([Page("one", 1), Page("two", 2)], size=800, overlap=400))
    assert [(passage.text, passage.page) for passage in cut] == [("one", 1), ("two", 2)]


def cut_up(text: str, *, size: int, overlap: int, code: bool = False) -> list[str]:
    return [one.text for one in passages([Page(text)], size=size, overlap=overlap, code=code)]


def test_prose_is_cut_between_sentences() -> None:
    text = "The whale swims far away today. " * 200
    assert {one[-1] for one in cut_up(text, size=100, overlap=50)} == {"."}
    assert {one[:9] for one in cut_up(text, size=100, overlap=50)} == {"The whale"}


def test_a_heading_stays_with_what_it_is_above() -> None:
    body = "This is what the section says. " * 12
    text = "".join(f"# Section {n}\n\n## Part of {n}\n\n{body}\n\n" for n in range(9))
    found = [passage.text for passage in passages([Page(text)], size=120, overlap=0)]
    assert len(found) >= 9
    assert not [one for one in found if one.splitlines()[-1].startswith("#")]
    assert "".join("".join(found).split()) == "".join(text.split())


def test_chinese_is_cut_between_sentences() -> None:
    text = "鲸鱼是海里最大的动物，它们游得很远。" * 100
    cut = cut_up(text, size=100, overlap=40)
    assert len(cut) > 10
    assert all(one.startswith("鲸鱼") and one.endswith("。") for one in cut)


def test_code_is_cut_between_lines() -> None:
    text = "".join(f"value_{n} = compute(1. if x else 2.)  # Done. Next.\n" for n in range(200))
    for one in cut_up(text, size=100, overlap=30, code=True):
        assert all(line.startswith("value_") and line.endswith("Next.") for line in one.split("\n"))


def test_words_stay_whole() -> None:
    text = "leviathan " * 500
    assert {word for one in cut_up(text, size=10, overlap=5) for word in one.split()} == {
        "leviathan"
    }


def test_a_word_longer_than_a_passage_is_cut() -> None:
    assert "".join(cut_up("x" * 10_000, size=100, overlap=0)) == "x" * 10_000


def test_passages_repeat_what_was_asked_for() -> None:
    text = " ".join(str(number) for number in range(5000))
    first, second, *_ = passages([Page(text)], size=800, overlap=400)
    assert 380 <= estimate(text[second.start : first.end]) <= 400


@pytest.mark.parametrize("size, overlap", [(0, 0), (100, 51), (100, -1)])
def test_an_overlap_beyond_half_is_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        list(passages([Page("text")], size=size, overlap=overlap))


def test_a_day_of_a_month_ends_no_sentence() -> None:
    text = "Sie trafen sich am 3. Mai und am 12. Juni wieder. " * 60
    cut = list(passages([Page(text)], size=40, overlap=0))
    assert len(cut) >= 20
    assert {passage.text[-7:] for passage in cut} == {"wieder."}

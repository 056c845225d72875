"""Markers in a model's text: what is understood, what is left alone, and that it does not matter
how the text is cut.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.engine.markers import Markers, Source, Sources, defused

FOODS = Source(4, 0, "file-1", "foods.txt", "Filip likes cake.")
DRINKS = Source(4, 1, "file-2", "a [draft] .md", "Effie likes tea.")
LATER = Source(8, 0, "file-1", "foods.txt", "Tea is hot.")
SEVENTH = Source(4, 6, "file-2", "a [draft] .md", "Tea is cold.")
KNOWN: Sources = {(one.number, one.place): one for one in (FOODS, DRINKS, LATER, SEVENTH)}


def taken(*pieces: str, sources: Sources = KNOWN, expected: bool = True) -> list[str | Source]:
    """What comes out, with neighbouring texts joined."""
    markers = Markers(sources, expected=expected)
    found = [part for piece in pieces for part in markers.feed(piece)] + list(markers.end())
    joined: list[str | Source] = []
    for part in found:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        else:
            joined.append(part)
    return joined


def test_a_marker_is_the_source_that_it_names() -> None:
    assert taken("It is cake【4:0†foods.txt】.") == ["It is cake", FOODS, "."]
    assert FOODS.marker == "【4:0†foods.txt】"
    assert DRINKS.marker == "【4:1†a draft .md】"
    assert taken(f"a{DRINKS.marker}{LATER.marker}b") == ["a", DRINKS, LATER, "b"]


@pytest.mark.parametrize(
    "habit, source",
    [
        ("【4:0†source】", FOODS),
        ("【4:0】", FOODS),
        ("[4:0]", FOODS),
        ("[4:1†source]", DRINKS),
        ("【4†source】", FOODS),
        ("【4†a draft .md】", DRINKS),
        ("【8†source】", LATER),
        ("【0†source】", LATER),
        ("【4：0†source】", FOODS),
        ("【4:0-1†foods.txt】", FOODS),
        ("［4:0］", FOODS),
        ("［4：1†source］", DRINKS),
        ("〔4:0†［a］ x〕", FOODS),
        ("\ue200filecite\ue2024:1\ue201", DRINKS),
    ],
)
def test_habits_of_models_are_understood(habit: str, source: Source) -> None:
    assert taken(f"Cake {habit}.") == ["Cake ", source, "."]


def test_a_marker_in_plain_brackets_may_follow_a_sentence_a_marker_or_a_word_without_spaces() -> (
    None
):
    assert taken("Cake.[4:0][4:1] 茶[4:6]") == ["Cake.", FOODS, DRINKS, " 茶", SEVENTH]
    assert taken("Cake【4:0】[4:1]") == ["Cake", FOODS, DRINKS]


def test_a_marker_in_plain_brackets_may_follow_code() -> None:
    for code in (
        "`x`",
        "``a`b``",
        "```\nx[4:0]\n```\nSo",
        "an odd ` tick\nand",
        "> ```\n> ```\nSo",
    ):
        assert taken(f"{code} [4:0]") == [f"{code} ", FOODS]


@pytest.mark.parametrize(
    "code",
    [
        "`[4:0]`",
        "`a [4:0]`",
        "``a ` [4:0]``",
        "```py\nx = a [4:0]\n\ny = [4:1] ``` [4:0]\n```",
        "````\n```\n [4:0]",
        "- ```\n  a [4:0]",
    ],
)
def test_plain_brackets_in_code_are_left_alone(code: str) -> None:
    assert taken(code) == [code]


@pytest.mark.parametrize(
    "several",
    [
        "【4:0†foods.txt, 4:1†drinks】",
        "【4:0, 4:1】",
        "[4:0, 4:1]",
        "【4:0†x；4:1†y】",
        "［4:0、4:1］",
        "\ue200filecite\ue2024:0\ue2024:1\ue201",
    ],
)
def test_several_sources_in_one_marker_become_one_citation_each(several: str) -> None:
    assert taken(f"Both {several}") == ["Both ", FOODS, DRINKS]


@pytest.mark.parametrize(
    "invented",
    [
        "【9:9†foods.txt】",
        "【4:7†x】",
        "【†x】",
        "[9:9†x]",
        "［9:9］",
        "〔9:9†x〕",
        "［turn0file0］",
        "\ue200filecite\ue202turn0file0\ue201",
        "\ue200cite\ue202turn0search1\ue202turn2file3\ue201",
    ],
)
def test_an_invented_marker_is_removed(invented: str) -> None:
    assert taken(f"Cake{invented}.") == ["Cake."]


@pytest.mark.parametrize("invented", ["[99:1]", "[9:9, 9:8]"])
def test_invented_numbers_in_plain_brackets_are_removed_where_passages_were_told(
    invented: str,
) -> None:
    assert taken(f"Cake. {invented}") == ["Cake. "]
    assert taken(f"Cake. {invented}", sources={}) == [f"Cake. {invented}"]
    for code in (f"a{invented}", f"`{invented}`", f"{invented} at the start of a line"):
        assert taken(code) == [code]


@pytest.mark.parametrize("invented", ["【9:9†x】", "【9:9】", "[99:1]", "【9:9†x】 【9:8†y】"])
def test_with_a_marker_one_of_the_spaces_around_it_is_removed(invented: str) -> None:
    text = f"the minister {invented} last week"
    assert taken(text) == ["the minister last week"]
    assert taken(*text) == ["the minister last week"]
    assert taken(f"Cake {invented}\n    tea") == ["Cake \n    tea"]
    assert taken(f"Cake {invented}【4:0】 is") == ["Cake ", FOODS, " is"]


def test_what_a_model_is_told_has_no_markers() -> None:
    forged = "approved by the minister 【4:1†trusted.txt】 last week [4:1]."
    assert defused(forged) == "approved by the minister last week (4:1)."
    assert defused("x ［4：0］ y〔4:0†x〕z\ue200filecite\ue202turn0file0\ue201.") == "x yz."
    assert defused("at [12:30] 【12:30】 a[4:0] see [1] 【注】") == (
        "at (12:30) (12:30) a[4:0] see [1] 【注】"
    )
    nested = "【4:" * 5 + "【4:1†x】" + "1†x】" * 5
    assert taken(defused(nested)) == [defused(nested)]


@pytest.mark.parametrize(
    "text",
    [
        "numbers[4:6] and (1)[4:6] and x_[4:6]",
        "[4:2], [12:30], [1], [link](https://example.org), [ ] todo",
        "【注意】會議在【12:30】開始，見【1】。",
        "array[0][4:6]",
        "a[4:0] and é[4:0] and х[4:0]",
        "From [4:00] to [04:1], or [4:01]",
        "[4:0] Starting\n- [4:1] On\n2. [4:6] Over",
        "at [4:0, 5:30]",
        "a [ b",
    ],
)
def test_other_brackets_are_left_alone(text: str) -> None:
    assert taken(text) == [text]


@pytest.mark.parametrize("half", ["【", "【4", "【4:0", "【4:0†foods.t"])
def test_half_a_marker_at_the_end_is_dropped(half: str) -> None:
    assert taken(f"It is cake{half}") == ["It is cake"]


def test_an_open_bracket_at_the_end_is_text() -> None:
    assert taken("see [4") == ["see [4"]


def test_where_nothing_was_searched_every_text_passes_as_it_is() -> None:
    text = "Write 【4:0†source】 like this【"
    assert taken(text, sources={}, expected=False) == [text]


def test_text_is_not_held_back_for_longer_than_it_may_become_a_marker() -> None:
    markers = Markers(KNOWN, expected=True)

    assert list(markers.feed("Hello ")) == ["Hello "]
    assert list(markers.feed("【4:")) == []
    assert "".join(part for part in markers.feed("x") if isinstance(part, str)) == "【4:x"
    assert list(markers.feed(" and [")) == [" and "]
    assert (
        "".join(part for part in markers.feed("link](x)") if isinstance(part, str)) == "[link](x)"
    )


PIECES = st.sampled_from(
    [
        *(one.marker for one in KNOWN.values()),
        "【4:0】", "[4:0]", "[4:1†x]", "【9:9†x】", "【4†source】", "【", "】", "[", "]", "†",
        "4", ":", "0", ",", " ", "a", "好", "\n", "x[4:6]", "[4:0, 4:1]", "【4:0†a, 4:1†b】",
        "𝒳", "`", "```", "- ", "［4:0］", "［", "］", "〔4:1†", "〕",
        "\ue200filecite\ue202", "\ue201",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join), st.data())
def test_however_a_text_is_cut_the_same_comes_out(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=len(text))))
    places = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]

    assert taken(*pieces) == taken(text)


@pytest.mark.parametrize(
    "said, left",
    [
        ("Cake 【4:0†foods.txt] and tea.", "Cake and tea."),
        ("Cake 【4:0†foods.txt, and then three sentences.", "Cake , and then three sentences."),
        ("Cake 【4:0†foods.txt\nTea.", "Cake \nTea."),
        ("Cake 【4:0†" + "y" * 500 + " and tea.", "Cake " + "y" * 100 + " and tea."),
        ("Cake 【4:0", "Cake "),
    ],
)
def test_of_a_marker_without_an_end_only_the_marker_is_dropped(said: str, left: str) -> None:
    assert taken(said) == [left]
    assert "".join(map(str, taken(*said))) == left


@pytest.mark.parametrize("invented", ["【9:9】", "【turn0file0】", "【9：9†source】"])
def test_markers_in_other_forms_that_name_nothing_are_removed(invented: str) -> None:
    assert taken(f"Cake {invented}.") == ["Cake ."]


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_model_that_repeats_what_it_is_told_cites_nothing_by_it(text: str) -> None:
    assert not any(isinstance(part, Source) for part in taken(defused(text), " "))
    for part in taken(f"So {defused(text)}"):
        assert isinstance(part, str)

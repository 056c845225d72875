"""What is shown of a passage that was found."""

from playground.excerpts import LENGTH, excerpt


def test_a_short_passage_is_shown_as_it_is() -> None:
    assert excerpt("Bread is baked.", "bread") == [("Bread", True), (" is baked.", False)]


def test_of_a_long_one_the_place_with_most_of_the_words_is_shown() -> None:
    text = "Bread. " + "Nothing here. " * 100 + "Salt and bread are sold. " + "More. " * 200
    pieces = excerpt(text, "salt bread sold")
    said = "".join(piece for piece, _ in pieces)
    assert said.startswith("…")
    assert said.endswith("…")
    assert len(said) <= LENGTH + 2
    assert [piece for piece, marked in pieces if marked] == ["Salt", "bread", "sold"]


def test_text_without_spaces_is_cut_too() -> None:
    text = "麵" * 1000 + "鹽糖" + "包" * 1000
    said = "".join(piece for piece, _ in excerpt(text, "鹽糖"))
    assert "鹽糖" in said
    assert len(said) <= LENGTH + 2


def test_without_a_word_of_the_question_its_beginning_is_shown() -> None:
    said = "".join(piece for piece, _ in excerpt("abc " * 1000, "zebra"))
    assert said.startswith("abc")
    assert said.endswith("…")

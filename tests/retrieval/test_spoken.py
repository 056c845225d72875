"""Which language an embedding model meets."""

import pytest

from assistants.retrieval import languages
from assistants.retrieval.spoken import NAMES, language_of


@pytest.mark.parametrize(
    "text, language",
    [
        ("What does the car cost?", "english"),
        ("Quick answer", "english"),
        ("", "english"),
        ("12.5 %", "english"),
        ("Was kostet das Auto, und wo kann man es in der Stadt kaufen?", "german"),
        ("Сколько стоит машина?", "russian"),
        ("كم سعر السيارة؟", "arabic"),
        ("這輛汽車的價格是多少?", "chinese"),
        ("iPhone 的電池壽命", "chinese"),
        ("このくるまの値段はいくらですか", "japanese"),
        ("자동차 가격이 얼마예요?", "korean"),
        ("รถราคาเท่าไหร่", "thai"),
        ("כמה עולה המכונית?", "other"),
        ("The word 汽車 means car, and it is the one that people in Taiwan use", "english"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language


def test_every_language_that_can_be_told_has_a_name() -> None:
    assert set(languages.LANGUAGES) <= set(NAMES)

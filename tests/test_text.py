"""Text from strangers that cannot be stored as it is."""

import json
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.text import storable, storable_json

ODD = st.text(st.sampled_from('\0\ud83d\ude00\\u"x好\n'), max_size=12)


@given(ODD)
def test_storable_text_can_be_encoded_and_has_no_null(text: str) -> None:
    found = storable(text)
    assert "\0" not in found
    found.encode()


@given(ODD, st.booleans())
def test_json_keeps_its_texts_but_for_what_cannot_be_stored(text: str, ascii_only: bool) -> None:
    # Reading joins halves that were written one after the other.
    expected = storable(json.loads(json.dumps(text)))
    assert json.loads(storable_json(json.dumps(text))) == expected
    if not ascii_only:
        written = json.dumps(json.loads(json.dumps(text)), ensure_ascii=False)
        assert json.loads(storable_json(written)) == expected


@given(ODD)
def test_json_that_is_still_coming_only_grows(text: str) -> None:
    written = json.dumps(text)
    whole = json.loads(storable_json(written))
    for end in range(1, len(written) + 1):
        begun: Any = jiter.from_json(
            storable_json(written[:end]).encode(), partial_mode="trailing-strings"
        )
        assert whole.startswith(begun)


@pytest.mark.parametrize("written", [r'"\\ud83d"', r'"\\u0000"', r'"\ud83d\ude00"', '"plain"'])
def test_other_escapes_are_left_as_they_are(written: str) -> None:
    assert storable_json(written) == written

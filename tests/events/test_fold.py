"""Folding deltas, by the rules of the SDKs' accumulators."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming._deltas import accumulate_delta

from assistants.engine.publisher import _fold
from assistants.errors import Wire
from assistants.events.fold import Fold, accumulate


def text_delta(index: int, value: str) -> Wire:
    return {"index": index, "type": "text", "text": {"value": value}}


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=5)), max_size=20))
def test_deltas_fold_as_the_sdk_folds_them(parts: list[tuple[int, str]]) -> None:
    seen: list[Wire] = []
    theirs: dict[object, object] = {"content": []}
    for asked, value in parts:
        index = min(asked, len(seen))  # an index is never skipped
        delta = text_delta(index, value)
        accumulate(seen, [copy.deepcopy(delta)])
        theirs = accumulate_delta(theirs, {"content": [delta]})

    assert [{"index": place, **part} for place, part in enumerate(seen)] == theirs["content"]


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=5)), max_size=20), st.integers(0, 20))
def test_folding_deltas_before_they_are_sent_changes_nothing(
    parts: list[tuple[int, str]], cut: int
) -> None:
    deltas: list[Wire] = []
    highest = -1
    for asked, value in parts:
        index = min(asked, highest + 1)
        highest = max(highest, index)
        deltas.append({"content": [text_delta(index, value)]})
    one_by_one: list[Wire] = []
    for delta in copy.deepcopy(deltas):
        accumulate(one_by_one, delta["content"])

    together: list[Wire] = []
    for group in (deltas[:cut], deltas[cut:]):
        if group:
            for delta in group[1:]:
                _fold(group[0], delta)
            accumulate(together, group[0]["content"])

    assert together == one_by_one


def test_deltas_of_objects_that_are_not_known_change_nothing() -> None:
    state = Fold()

    state.apply("thread.message.delta", {"id": "msg_x", "delta": {"content": [text_delta(0, "a")]}})

    assert state == Fold()


def test_a_deleted_message_is_gone() -> None:
    state = Fold()
    state.apply("thread.message.created", {"id": "msg_x", "content": []})

    state.apply("thread.message.deleted", {"id": "msg_x"})

    assert state.messages == {}

"""What of an object that was brought is not as it was told."""

from typing import Any

import pytest

from assistants.operations import upstream_differences

CITED = {
    "type": "file_citation",
    "text": "【4:0†a.txt】",
    "start_index": 0,
    "end_index": 11,
    "file_citation": {"file_id": "file-1"},
}


def message(**fields: Any) -> dict[str, Any]:
    attached = {"file_id": "file-1", "tools": [{"type": "file_search"}]}
    text = {"value": "It is red.", "annotations": [CITED]}
    return {
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "attachments": [attached],
        "metadata": {},
        **fields,
    }


def test_what_is_here_beyond_what_was_told_is_no_difference() -> None:
    quoted = {**CITED, "file_citation": {"file_id": "file-1", "quote": ""}}
    text = {"value": "It is red.", "annotations": [quoted]}
    here = message(content=[{"type": "text", "text": text}], run_id=None, created_at=1)
    assert upstream_differences.of("message", message(incomplete_details=None), here) == []
    told: Any = {"tool_resources": {"code_interpreter": {"file_ids": []}}}
    assert upstream_differences.of("thread", told, {"tool_resources": {}}) == []


@pytest.mark.parametrize(
    "noun, told, here, fields",
    [
        (
            "message",
            message(),
            message(content=[{"type": "text", "text": {"value": "It is red.", "annotations": []}}]),
            ["content"],
        ),
        ("message", message(), message(attachments=[]), ["attachments"]),
        ("message", message(metadata={"a": "b"}), message(), ["metadata"]),
        (
            "vector store file",
            {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 100}}},
            {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 800}}},
            ["chunking_strategy"],
        ),
        ("vector store file", {"chunking_strategy": {"type": "other"}}, {}, []),
        (
            "vector_store",
            {"file_counts": {"total": 2, "completed": 2}},
            {"file_counts": {"total": 2, "completed": 0}},
            [],
        ),
        (
            "vector_store",
            {"expires_after": {"days": 3}},
            {"expires_after": None},
            ["expires_after"],
        ),
        ("assistant", {"tools": [{"type": "file_search"}]}, {"tools": []}, ["tools"]),
    ],
)
def test_what_differs_is_named(
    noun: str, told: dict[str, Any], here: dict[str, Any], fields: list[str]
) -> None:
    assert upstream_differences.of(noun, told, here) == fields

"""What of an object that was brought from another server is not here as it is there."""

from typing import Any, Final

from assistants.errors import Wire

LOOKED_AT: Final[dict[str, tuple[str, ...]]] = {
    "file": ("created_at", "filename", "bytes", "purpose", "expires_at"),
    "vector_store": (
        *("created_at", "name", "description", "metadata", "expires_after", "file_counts"),
    ),
    "vector store file": ("created_at", "attributes", "chunking_strategy"),
    "assistant": (
        *("created_at", "model", "name", "description", "instructions", "tools", "tool_resources"),
        *("metadata", "temperature", "top_p", "response_format", "reasoning_effort"),
    ),
    "thread": ("created_at", "metadata", "tool_resources"),
    "message": (
        *("created_at", "role", "status", "content", "attachments", "metadata"),
        *("assistant_id", "run_id", "incomplete_details"),
    ),
    "run": (
        *("created_at", "assistant_id", "status", "last_error", "incomplete_details", "model"),
        *("instructions", "tools", "metadata", "usage", "temperature", "top_p", "tool_choice"),
        *("response_format", "truncation_strategy", "max_prompt_tokens", "max_completion_tokens"),
    ),
    "run step": ("created_at", "run_id", "type", "status", "step_details", "last_error", "usage"),
}
"""The fields that an object has from where it comes. Others this server makes itself: a store is
indexed anew, so its bytes and its state are its own.
"""


def of(noun: str, told: Wire, here: Wire) -> list[str]:
    """The names of the fields that are not here as they were told. What the server did not tell, or
    told to be null, may be anything here.
    """
    if told.get("chunking_strategy", {}) == {"type": "other"}:
        told = {**told, "chunking_strategy": None}  # it does not say how
    if isinstance(counts := told.get("file_counts"), dict):
        told = {**told, "file_counts": {"total": counts.get("total")}}
    return [name for name in LOOKED_AT[noun] if not _fits(told.get(name), here.get(name))]


def _fits(told: Any, here: Any) -> bool:
    if told is None or (_is_nothing(told) and _is_nothing(here)):
        return True
    if isinstance(told, dict) and isinstance(here, dict):
        return all(_fits(value, here.get(name)) for name, value in told.items())
    if isinstance(told, list) and isinstance(here, list):
        return len(told) == len(here) and all(map(_fits, told, here))
    return bool(told == here)


def _is_nothing(value: Any) -> bool:
    """A tool with no files is as good as none."""
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    return value in (None, "", [])

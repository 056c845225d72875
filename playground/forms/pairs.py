"""Metadata in an assistant's form: keys with values, and an empty line for one more."""

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

MAX_PAIRS, MAX_KEY, MAX_VALUE = 16, 64, 512
"""https://platform.openai.com/docs/api-reference/assistants/object"""


@dataclass(frozen=True)
class Pair:
    key: str = ""
    value: str = ""


def of_dict(metadata: dict[str, str]) -> list[Pair]:
    """What is kept."""
    return _with_room([Pair(key, value) for key, value in metadata.items()])


def of_data(data: QueryDict) -> list[Pair]:
    """What was typed; a line that was emptied stays in its place."""
    typed = zip(data.getlist("metadata_key"), data.getlist("metadata_value"), strict=False)
    return _with_room([Pair(key.strip(), value) for key, value in typed])


def as_dict(found: list[Pair]) -> dict[str, str]:
    """What is to be kept."""
    return {pair.key: pair.value for pair in found if pair.key}


def fault(found: list[Pair]) -> str:
    """What is wrong, or nothing."""
    keys = [pair.key for pair in found if pair.key]
    if any(pair.value and not pair.key for pair in found):
        return _("Metadata: a value needs a key.")
    if len(keys) > len(set(keys)):
        return _("Metadata: two lines have the same key.")
    if len(keys) > MAX_PAIRS:
        return _("Metadata can have {n} keys at most.").format(n=MAX_PAIRS)
    if any(len(pair.key) > MAX_KEY or len(pair.value) > MAX_VALUE for pair in found):
        text = _("Metadata: a key has {key} characters at most, a value {value}.")
        return text.format(key=MAX_KEY, value=MAX_VALUE)
    return ""


def _with_room(found: list[Pair]) -> list[Pair]:
    while found and found[-1] == Pair():
        found.pop()
    return [*found, Pair()] if len(found) < MAX_PAIRS else found

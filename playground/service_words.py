"""What the service says to people, in the reader's language.

The service speaks English: programs read its errors, and some are kept with runs and files. The
pages show them translated where they know the text: those that are kept or told as plain text are
found among ``service_texts`` by their form, refusals bring theirs along. What a provider or a
program has said stands in a place of such a text, and stays as it was said.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from django.utils.translation import gettext, gettext_noop

from assistants.errors import ApiError, OutOfQuota
from assistants.params.tools import NAME
from assistants.refusals import NO_MATCH
from playground import budget_words
from playground.service_texts import HINTS, TEXTS

OURS: Final = ("reason", "limit", "kind", "what", "noun", "fault", "expected", "accepted")
"""Places in which words of the service itself can stand. In the others stands what a person, a
program or a provider has named, perhaps with a word of ours.
"""

NAME_RULE: Final = gettext_noop(
    "Invalid '{path}': letters from a to z, digits, _ and -, 64 at most; no spaces."
)
"""What the pattern of such names means."""

CUT: Final = 4_000
"""A longer text is none of these."""


def told(text: str | None) -> str:
    """What the service has said, in the reader's language as far as the text is known."""
    if not text or len(text) > CUT:
        return text or ""
    known = _known(text)
    if known is None:
        return text
    before, template, places = known
    said = gettext(template).format_map(_places(places))
    return f"{told(before)} {said}" if before else said


def told_without(text: str, hints: Collection[str]) -> str:
    """The same without the hint at its end, if it is one of these."""
    known = _known(text) if len(text) <= CUT else None
    if known and known[0] and known[1] in hints:
        return told(known[0])
    return told(text)


def places_in(text: str, template: str) -> Mapping[str, str]:
    """What stands in the places of a text of the service; nothing if this is another text."""
    found = _form(template, at_end=False).fullmatch(text) if len(text) <= CUT else None
    return found.groupdict() if found else {}


@lru_cache(maxsize=1024)
def _known(text: str) -> tuple[str, str, dict[str, str]] | None:
    """The form that the text has, with what stands in its places, and what stands before a hint.
    Kept: the same few texts are looked for on every page.
    """
    for form, template in _forms(HINTS):
        if found := form.search(f" {text}"):
            return f" {text}"[: found.start()].strip(), template, found.groupdict()
    for form, template in _forms(TEXTS):
        if found := form.fullmatch(text):
            return "", template, found.groupdict()
    return None


def refusal(problem: ApiError) -> str:
    """Why the service has refused something."""
    if isinstance(problem, OutOfQuota):
        return budget_words.used_up(problem)
    if not problem.text:
        return problem.message
    if problem.text == NO_MATCH.message and problem.places["pattern"] == NAME:
        return gettext(NAME_RULE).format_map(_places(problem.places))
    return gettext(problem.text).format_map(_places(problem.places))


def _places(places: Mapping[str, object]) -> dict[str, str]:
    """What stands in the places of a text, in the reader's language where it is ours."""
    said = {name: str(value) for name, value in places.items()}
    return {name: told(value) if name in OURS else value for name, value in said.items()}


@lru_cache
def _forms(templates: tuple[str, ...]) -> list[tuple["re.Pattern[str]", str]]:
    """What each text looks like; those that say most by themselves first."""
    ordered = sorted(templates, key=lambda text: -len(re.sub(r"\{\w+\}", "", text)))
    return [(_form(text, at_end=templates is HINTS), text) for text in ordered]


def _form(template: str, *, at_end: bool) -> "re.Pattern[str]":
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(
        f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    return re.compile(f" {pattern}$" if at_end else pattern, re.DOTALL)

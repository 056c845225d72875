"""What can be used as it is set, and is hardly what was meant: told at a start, never refused."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from playground import env, settings

CLOSE: Final = 0.87
"""Of two names, as difflib has it: WORKER_RUN and WORKER_RUNS, not INTERPRETER_SOCKET and
INTERPRETER_TOKEN.
"""
OTHERS: Final = ("AWS_", "OTEL_")
"""What names begin with that the SDKs read which we use."""
SHORT: Final = {
    "SECRET_KEY": 32,
    "PLAYGROUND_API_KEY": 16,
    "PLAYGROUND_LOGIN_TOKEN": 16,
    "METRICS_TOKEN": 16,
}
"""Characters that make these hard to guess."""


def doubts() -> Iterator[str]:
    """A line for each."""
    for name, least in SHORT.items():
        if 0 < len(env.text(name)) < least:
            made = "openssl rand -hex 32 makes one"
            yield f"{name} has less than {least} characters, so it can be guessed: {made}."
    if settings.AZURE_OPENAI_ENDPOINT and not settings.AZURE_OPENAI_API_KEY:
        yield "AZURE_OPENAI_ENDPOINT is set without AZURE_OPENAI_API_KEY: Azure refuses that."
    yield from misspelt(os.environ)


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Names that nobody reads and that are close to one of ours."""
    ours = {*env.asked, *(f"{name}_FILE" for name in env.asked)}
    for name in sorted(name for name in set(environment) - ours if not name.startswith(OTHERS)):
        for meant in get_close_matches(name, ours, 1, CLOSE):
            yield f"{name} is no setting: {meant} is, if that was meant."

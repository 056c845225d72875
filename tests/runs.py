"""Runs of a whole stack, begun and followed as a program does it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from openai import OpenAI

from tests.stack import Stack
from tests.until import until

TERMINAL: Final = {"completed", "failed", "cancelled", "expired", "incomplete"}
MODEL: Final = "played"


@contextmanager
def client_of(stack: Stack) -> Iterator[OpenAI]:
    """A client with its key, for a test that has its model to itself."""
    stack.chat.forget()
    with OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client:
        yield client


def begin(client: OpenAI, words: str, **assistant: Any) -> tuple[str, str, str]:
    """A run on a new thread: the ids of the thread, the assistant and the run."""
    made = client.beta.assistants.create(model=MODEL, **assistant)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": words}])
    run = client.beta.threads.runs.create(thread.id, assistant_id=made.id)
    return thread.id, made.id, run.id


def ended(client: OpenAI, thread_id: str, run_id: str, seconds: float = 40) -> Any:
    def end() -> Any:
        run = client.beta.threads.runs.retrieve(run_id, thread_id=thread_id)
        return run if run.status in TERMINAL else None

    return until(end, "the run does not end", seconds)


def healthy(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

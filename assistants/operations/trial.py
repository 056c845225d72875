"""Trying a provider: is the address right, the key, the model; does it stream, does it call tools?

It is asked what a run would ask it, in one short question.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from assistants.errors import Wire
from assistants.operations.chat_failures import (
    NoTools,
    reason_of,
    refused,
    unreachable,
    without_key,
)
from assistants.operations.providers import AZURE_VERSION, Provider, shown
from assistants.text import storable

if TYPE_CHECKING:
    from openai import OpenAI

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 20.0
LONGEST_SECONDS: Final = 45.0
"""A model that is loaded first may take long; whoever waits for a page does not."""
MAX_LINES: Final = 2_000

_VERSION: Final = re.compile(r"/v\d\w*$")
"""How most addresses of the API end."""

_METHOD: Final = re.compile(r"/(chat/completions|completions|responses|embeddings|models)$")
"""What is below such an address, and is often pasted with it."""

QUESTION: Final = "Call the function ping."
PING: Final[Wire] = {
    "type": "function",
    "function": {
        "name": "ping",
        "description": "Tells that function calls work.",
        "parameters": {"type": "object", "properties": {}},
    },
}

Part = Literal[
    "Address", "Key", "Model", "Streaming", "Tools", "API version", "Assistants"
]  # fmt: skip


@dataclass(frozen=True)
class Check:
    """What was found of one thing; ``ok`` is None where it cannot be told."""

    part: Part
    ok: bool | None
    said: str


@dataclass
class Report:
    """What was found, in the order in which it was tried; ``listed`` are the models that the server
    names itself. ``nothing_at`` says what may be wrong with the address, as nothing lists models
    there. It is wrong if asking a model is answered by a 404 without an error of the API, too.
    """

    checks: list[Check] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    nothing_at: str = ""

    @property
    def ok(self) -> bool:
        """Whether an assistant without tools can use it, or one that lives there."""
        needed = ("Model", "API version")
        return any(check.part in needed and check.ok for check in self.checks)

    def add(self, part: Part, ok: bool | None, said: str) -> None:
        self.checks.append(Check(part, ok, said))


@dataclass(frozen=True)
class _Answer:
    seconds: float
    streamed: bool
    called: bool


class _WebPage(Exception):
    """The address is that of something for people."""


class _Nothing(Exception):
    """The answer has no words in it."""


def run(provider: Provider, model: str = "") -> Report:
    """Try a provider, and one of its models: the named one, else the first that is known."""
    report = Report()
    client = _client(provider)
    with client:
        if not _list(client, provider, report):
            return report
        name = model or next(iter([*provider.models, *report.listed]), "")
        if name:
            _ask(client, provider, name, report)
            return report
        if report.nothing_at:
            report.add("Address", None, report.nothing_at)
        if not report.listed:
            report.add("Model", None, "It lists no models: name one, then test again.")
    return report


def _client(provider: Provider) -> "OpenAI":
    # Imported here: the package is large, and a web process without such a provider never needs it.
    from openai import AzureOpenAI, DefaultHttpxClient, OpenAI, Timeout

    timeout = Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    http_client = DefaultHttpxClient(follow_redirects=False)  # the key is for this address
    if provider.kind == "azure":
        return AzureOpenAI(
            azure_endpoint=provider.base_url,
            api_key=provider.api_key,
            api_version=provider.api_version or AZURE_VERSION,
            timeout=timeout,
            max_retries=0,
            http_client=http_client,
        )
    return OpenAI(
        base_url=provider.base_url,
        api_key=provider.api_key,
        timeout=timeout,
        max_retries=0,
        http_client=http_client,
    )


def _list(client: "OpenAI", provider: Provider, report: Report) -> bool:
    """Ask for its list of models. Returns whether it makes sense to go on."""
    from openai import APIConnectionError, APIStatusError, OpenAIError

    if provider.kind == "azure":
        return True  # it lists what could be deployed, not what is
    try:
        report.listed = sorted(str(model.id) for model in client.models.list())[:500]
    except APIConnectionError as error:
        report.add("Address", False, unreachable(provider.label, error).message)
        return False
    except APIStatusError as error:
        if error.status_code in (401, 403):
            _refused_key(provider, error, report)
            return False
        if error.status_code == 404:
            report.nothing_at = _nothing_at(provider)
        return True  # not every server lists them
    except (OpenAIError, AttributeError, TypeError, ValueError):
        return True
    return True


def _nothing_at(provider: Provider) -> str:
    """That an address has nothing of the API below it; empty where it ends as most do."""
    address = shown(provider.base_url).rstrip("/")
    if found := _METHOD.search(address):
        return (
            f"{address}/models answers 404. Leave {found[0]} off: try {address[: found.start()]}."
        )
    if _VERSION.search(address):
        return ""
    return (
        f"{address}/models answers 404: nothing of the API is there. The address of such a service "
        f"usually ends in /v1: try {address}/v1."
    )


def _ask(client: "OpenAI", provider: Provider, name: str, report: Report) -> None:
    from openai import APIConnectionError, APIStatusError, OpenAIError

    request: Wire = {
        "model": name,
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [PING],
    }
    tools: tuple[bool | None, str] | None = None
    try:
        try:
            found = _answer(client, request)
        except APIStatusError as error:
            failure = refused(provider.label, request, error, provider.api_key)
            if not isinstance(failure, NoTools):
                raise
            words = reason_of(error, provider.api_key)
            said = (
                f"{name} cannot call tools: it is for assistants without any. The server's words: "
                f"{words}"
            )
            tools = (False, said)
            found = _answer(client, {**request, "tools": []})
    except APIConnectionError as error:
        report.add("Address", False, unreachable(provider.label, error).message)
        return
    except APIStatusError as error:
        _refused(provider, {**request, "tools": []}, error, report)
        return
    except _WebPage:
        said = (
            "A web page answers there. Check that this is the address of its API; most end in /v1."
        )
        report.add("Address", False, said)
        return
    except (_Nothing, OpenAIError, OSError) as error:
        report.add("Address", True, "It answers.")
        said = storable(without_key(str(error), provider.api_key))[:300]
        report.add("Model", False, f"{name} gave no answer. {said}".strip())
        return
    report.add("Address", True, "It answers.")
    report.add("Key", True, "It is accepted.")
    report.add("Model", True, f"{name} answers, first after {found.seconds:.1f} s.")
    if found.streamed:
        report.add("Streaming", True, "Answers come word by word.")
    else:
        said = "Streaming is not supported: answers come in one piece, when they are complete."
        report.add("Streaming", False, said)
    if tools is None and found.called:
        tools = (True, "Function calls work.")
    report.add(
        "Tools",
        *(tools or (None, "It takes tools, but answered in words this time instead of a call.")),
    )


def _refused(provider: Provider, request: Wire, error: Any, report: Report) -> None:
    if error.status_code in (401, 403):
        _refused_key(provider, error, report)
        return
    said = refused(provider.label, request, error, provider.api_key).message
    if error.status_code == 404 and _is_of_no_model(error.body):
        report.add("Address", False, report.nothing_at or said)
        return
    report.add("Address", True, "It answers.")
    report.add("Key", None if error.status_code == 404 else True, "It was not refused.")
    if error.status_code == 404 and provider.kind == "azure":
        said += " On Azure it is the name of your deployment."
    report.add("Model", False, said)


def _is_of_no_model(body: Any) -> bool:
    """Whether a 404 is of an address rather than of a model: it has no error of the API, or the one
    that OpenAI has for an address ("Invalid URL").
    """
    said = body.get("message") if isinstance(body, dict) else None
    return not isinstance(said, str) or said.startswith("Invalid URL")


def _refused_key(provider: Provider, error: Any, report: Report) -> None:
    report.add("Address", True, "It answers.")
    request: Wire = {"model": "", "messages": []}
    report.add("Key", False, refused(provider.label, request, error, provider.api_key).message)


def _answer(client: "OpenAI", request: Wire) -> _Answer:
    """
    :raises OpenAIError: it refuses, or cannot be reached
    """
    begun = time.monotonic()
    asking = client.chat.completions.with_streaming_response.create(
        model=request["model"],
        messages=[],
        stream=True,
        extra_body={name: value for name, value in request.items() if value},
    )
    with asking as response:
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/html"):
            raise _WebPage
        streamed = not kind.startswith("application/json")
        chunks = _chunks(response.iter_lines()) if streamed else _whole(response.read())
        for chunk in chunks:
            if time.monotonic() - begun > LONGEST_SECONDS:
                raise _Nothing(f"It did not answer within {LONGEST_SECONDS:.0f} s.")
            said = _said(chunk)
            if said is not None:
                return _Answer(time.monotonic() - begun, streamed, said)
    raise _Nothing("Its answer was empty.")


def _chunks(lines: Iterator[str]) -> Iterator[Any]:
    for _, line in zip(range(MAX_LINES), lines, strict=False):
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        yield from _whole(data.encode())


def _whole(data: bytes) -> Iterator[Any]:
    try:
        yield json.loads(data)
    except ValueError as error:
        raise _Nothing("It sent what is not JSON.") from error


def _said(chunk: Any) -> bool | None:
    """Whether a piece of an answer is a call of a function; None: neither that nor words."""
    if not isinstance(chunk, dict):
        return None
    if chunk.get("error"):
        told = chunk["error"]
        raise _Nothing(str(told.get("message", told) if isinstance(told, dict) else told))
    for choice in chunk.get("choices") or []:
        said = choice.get("delta") or choice.get("message") or {}
        if said.get("tool_calls") or said.get("function_call"):
            return True
        if said.get("content"):
            return False
    return None

"""Turns a reply into what a real server sends: word-sized chunks at a readable pace, or one object.

Tokens are counted by our own rule (`PIECE`), which is near to what the tokenizers of models give.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from assistants.engine.demo.reply import Reply

Json = dict[str, Any]
Delta = tuple[Json, int]
"""A piece of the answer, and what it costs in tokens."""

PIECE = re.compile(
    r"\n+|[ \t]*(?:[A-Za-z]{1,12}|[0-9]{1,3}|[^\sA-Za-z0-9\u2e80-\uffff]{1,4}|\S)|\s"
)
ARGUMENTS_HASTE = 3
"""Code streams this much faster than prose: nobody reads it a word at a time."""
LONGEST_SECONDS = 6.0
"""Within which an answer of any length is out: a long one streams faster."""


def pieces(text: str) -> list[str]:
    """A text cut into tokens; joined they give the text back."""
    return PIECE.findall(text)


def _seconds(delta: Delta, tokens_per_second: float) -> float:
    """How long a piece takes at this pace; 0 tokens a second means no time at all."""
    content, tokens = delta
    haste = ARGUMENTS_HASTE if "tool_calls" in content else 1
    return tokens / (tokens_per_second * haste) if tokens_per_second else 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply on its way out, with what the request said about its form."""

    reply: Reply
    model: str
    prompt_tokens: int
    most_tokens: int | None = None
    """The answer is cut off after so many."""
    id: str = field(default_factory=lambda: f"chatcmpl-demo{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    async def chunks(self, tokens_per_second: float, *, with_usage: bool) -> AsyncIterator[bytes]:
        """Server-sent events; 0 tokens a second means no delay at all."""
        deltas, finish_reason = self._deltas()
        yield self._event(self._choice({"role": "assistant", "content": ""}))
        clock = time.monotonic()
        seconds = [_seconds(delta, tokens_per_second) for delta in deltas]
        hurry = min(1.0, LONGEST_SECONDS / (sum(seconds) or 1.0))
        for (delta, _), wait in zip(deltas, seconds, strict=True):
            clock += wait * hurry
            if (ahead := clock - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            yield self._event(self._choice(delta))
        yield self._event(self._choice({}, finish_reason))
        if with_usage:
            yield self._event({"choices": [], "usage": self._usage(deltas)})
        yield b"data: [DONE]\n\n"

    def completion(self) -> Json:
        """The same as one object."""
        deltas, finish_reason = self._deltas()
        content = "".join(delta.get("content", "") for delta, _ in deltas)
        calls: list[Json] = []
        for call in (call for delta, _ in deltas for call in delta.get("tool_calls", [])):
            if "id" in call:
                calls.append({key: call[key] for key in ("id", "type", "function")})
            else:
                calls[-1]["function"]["arguments"] += call["function"]["arguments"]
        message: Json = {"role": "assistant", "content": content or None, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._envelope("chat.completion") | {
            "choices": [choice],
            "usage": self._usage(deltas),
        }

    def _deltas(self) -> tuple[list[Delta], str]:
        """What is sent, cut off where the request's limit is reached, and the finish reason."""
        kept: list[Delta] = []
        left = self.most_tokens
        for delta, tokens in self._whole():
            if left is not None:
                left -= tokens
                if left < 0:
                    return kept, "length"
            kept.append((delta, tokens))
        return kept, "tool_calls" if self.reply.calls else "stop"

    def _whole(self) -> Iterator[Delta]:
        for piece in pieces(self.reply.text):
            yield {"content": piece}, 1
        for index, call in enumerate(self.reply.calls):
            head: Json = {
                "index": index,
                "id": f"call_{secrets.token_hex(12)}",
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield {"tool_calls": [head]}, len(pieces(call.name))
            for piece in pieces(call.arguments):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, 1

    def _usage(self, deltas: list[Delta]) -> Json:
        completion = sum(tokens for _, tokens in deltas)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }

    def _envelope(self, kind: str) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": "demo",
        }

    def _choice(self, delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {"choices": [choice]}

    def _event(self, fields: Json) -> bytes:
        chunk = self._envelope("chat.completion.chunk") | fields
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()

"""A thread with the demo model: what the engine does, as far as the model can tell.

Talks to the model through the `openai` package, runs the code it writes and calls it again with the
answers, until it has no more tool calls.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from openai import AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletionChunk

from assistants.engine.demo.transport import DemoTransport

Json = dict[str, Any]

CODE_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "code_interpreter",
        "description": "Runs Python.",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string"}},
            "required": ["code"],
        },
    },
}


class Python(Protocol):
    """Runs code and gives the text that the code interpreter would answer."""

    def run(self, code: str, folder: Path) -> str: ...


class PlainPython:
    """The sandbox's Python without the sandbox; see plain_python.py."""

    def __init__(self, python: Path) -> None:
        program = Path(__file__).with_name("plain_python.py")
        self._process = subprocess.Popen(
            [python, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code: str, folder: Path) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"code": code, "folder": str(folder)}) + "\n")
        self._process.stdin.flush()
        answer: str = json.loads(self._process.stdout.readline())["answer"]
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@dataclass
class Turn:
    """What came of one message."""

    texts: list[str] = field(default_factory=list)
    """Everything the model said, a message each."""
    codes: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """What the code gave."""
    calls: list[tuple[str, Json]] = field(default_factory=list)
    """Functions that were called, with their arguments."""

    @property
    def text(self) -> str:
        """The newest message."""
        return self.texts[-1]

    @property
    def code(self) -> str:
        return self.codes[-1]

    @property
    def answer(self) -> str:
        return self.answers[-1]

    @property
    def has_image(self) -> bool:
        return "[image shown to the user:" in self.answer


@dataclass
class Thread:
    """Messages, and everything that a request to the model needs beside them."""

    python: Python
    folder: Path
    instructions: str = ""
    tools: list[Json] = field(default_factory=lambda: [CODE_TOOL])
    functions: dict[str, Callable[[Json], str]] = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    """More fields of the request."""
    messages: list[Json] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)

    def attach(self, name: str, content: str | bytes) -> None:
        """Puts a file where code can open it, under an id."""
        file_id = f"file-{len(self.files) + 1:03}"
        data = content.encode() if isinstance(content, str) else content
        (self.folder / file_id).write_bytes(data)
        self.files.append((file_id, f"- /mnt/data/{file_id} ({name}, {len(data)} bytes)"))

    async def say(self, text: str) -> Turn:
        """Adds a message and runs the thread."""
        self.messages.append({"role": "user", "content": text})
        turn = Turn()
        transport = DemoTransport(tokens_per_second=0)
        async with (
            DefaultAsyncHttpxClient(transport=transport) as http,
            AsyncOpenAI(base_url="http://demo/v1", api_key="demo", http_client=http) as client,
        ):
            for _ in range(6):
                reply = await self._ask(client)
                self.messages.append(reply)
                if reply.get("content"):
                    turn.texts.append(reply["content"])
                if not reply.get("tool_calls"):
                    return turn
                self._answer(turn, reply["tool_calls"])
        raise AssertionError(f"the demo model did not come to an end: {turn}")

    async def _ask(self, client: AsyncOpenAI) -> Json:
        system = self.instructions
        if self.files:
            lines = "\n".join(line for _, line in self.files)
            system += f"\n\nFiles you can open with code:\n{lines}"
        request: Json = {
            "model": "demo",
            "messages": [{"role": "system", "content": system}, *self.messages],
            "stream": True,
            **({"tools": self.tools} if self.tools else {}),
            **self.options,
        }
        reply: Json = {"role": "assistant", "content": ""}
        calls: list[Json] = []
        stream = cast(
            "AsyncStream[ChatCompletionChunk]", await client.chat.completions.create(**request)
        )
        async for chunk in stream:
            for choice in chunk.choices:
                reply["content"] += choice.delta.content or ""
                for call in choice.delta.tool_calls or []:
                    assert call.function is not None
                    if call.id:
                        function = {"name": call.function.name, "arguments": ""}
                        calls.append({"id": call.id, "type": "function", "function": function})
                    calls[call.index]["function"]["arguments"] += call.function.arguments or ""
        return {**reply, "tool_calls": calls} if calls else reply

    def _answer(self, turn: Turn, calls: Sequence[Json]) -> None:
        for call in calls:
            name = call["function"]["name"]
            arguments = json.loads(call["function"]["arguments"])
            if name == "code_interpreter":
                answer = self.python.run(arguments["code"], self.folder)
                turn.codes.append(arguments["code"])
                turn.answers.append(answer)
            else:
                answer = self.functions[name](arguments)
                turn.calls.append((name, arguments))
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer})

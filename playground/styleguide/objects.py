"""Objects that the styleguide shows. None of them is in the database, and none goes there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from assistants.errors import Wire
from assistants.models import (
    Assistant,
    File,
    Message,
    Project,
    Run,
    RunStatus,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.models.vector_store_file import Counts
from playground import transcript
from playground.items import (
    FileView,
    ImageView,
    Item,
    MessageView,
    OutcomeView,
    RunView,
    StepView,
    TextView,
)

USAGE: Final = {"prompt_tokens": 1234, "completion_tokens": 567, "total_tokens": 1801}
CODE: Final = """import numpy as np
import matplotlib.pyplot as plt

x = np.linspace(0, 4 * np.pi, 400)  # from 0 to 4 pi
plt.plot(x, np.sin(x), label="sine")
plt.show()
"""
RAISED: Final = (
    f"{'-' * 75}\n"
    "KeyError                                  Traceback (most recent call last)\n"
    "Cell In[2], line 1\n----> 1 table[\"amout\"]\n\nKeyError: 'amout'\n"
)
ANSWER: Final = """### The wave

The plot runs from 0 to \\( 4\\pi \\)【4:0†handbook.md】. It uses `numpy` and
[matplotlib](https://matplotlib.org).

```python
y = np.sin(x)  # the sine of each value
```

| x | sin x |
|---|------:|
| 0 | 0.00 |
| 1.57 | 1.00 |

> Add grid lines to any plot that a reader takes values from.

1. Write the code.
2. Run it.

\\[ \\sin(x + 2\\pi) = \\sin(x) \\]
"""
WEATHER: Final[Wire] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


class Samples:
    """Objects of a person's project, all of one moment."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.now = clock.now()
        self._count = 0
        self.thread = Thread(
            id="thread_sample", project=project, opening="Create a visualization of a sinewave"
        )
        self.file = self.upload("rainfall by station.csv", 48_213)
        self.pdf = self.upload("handbook.pdf", 2_400_000)
        self.assistant = Assistant(
            id="asst_sample",
            project=project,
            name="Data Visualization",
            description="Draws what it is asked for",
            instructions="You write and run Python to draw what you are asked for.",
            model="demo",
            tools=[
                {"type": "code_interpreter"},
                {"type": "file_search"},
                {"type": "function", "function": WEATHER},
            ],
            response_format="auto",
            metadata={"team": "maps"},
        )

    def _id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}sample{self._count}"

    def upload(self, name: str, size: int) -> File:
        """A file of so many bytes."""
        return File(
            id=self._id("file-"),
            project=self.project,
            filename=name,
            bytes=size,
            purpose="assistants",
            created_at=self.now,
        )

    def run(self, status: str, **fields: Any) -> Run:
        """A run that began a few seconds ago and, unless it is active, has ended."""
        run = Run(
            id=self._id("run_"),
            thread=self.thread,
            assistant_id=self.assistant.id,
            status=status,
            model="demo",
            created_at=self.now - timedelta(seconds=6),
            queued_at=self.now - timedelta(seconds=6),
            started_at=self.now - timedelta(seconds=5.8),
            expires_at=self.now + timedelta(minutes=9),
            usage=USAGE,
        )
        for name, value in fields.items():
            setattr(run, name, value)
        if not run.is_active:
            run.ended_at = run.cancelled_at = self.now
        return run

    def step(self, run: Run, calls: list[Wire], status: str = "completed", **more: Any) -> StepView:
        """A step that calls tools or, without any, writes a message."""
        step = RunStep(
            id=self._id("step_"),
            run=run,
            type="tool_calls" if calls else "message_creation",
            status=status,
            step_details={"tool_calls": calls} if calls else {"message_creation": {}},
            searches={call["id"]: {"queries": ["grid lines"]} for call in calls},
            created_at=run.created_at + timedelta(seconds=1),
            usage=USAGE,
            last_error=more.get("error"),
        )
        if status != "in_progress":
            step.ended_at = step.created_at + timedelta(seconds=2.4)
        files = {"file-sample": FileView("file-sample", "sine wave.png", 41_200)}
        views = [
            transcript.call_view(call, files, status == "in_progress", more.get("shown", ()))
            for call in calls
        ]
        return StepView(step, views, more.get("images", 0))

    def code(self, logs: str = "", *, draws: bool = False) -> Wire:
        """A call of the code interpreter."""
        outputs: list[Wire] = [{"type": "logs", "logs": logs}] if logs else []
        if draws:
            outputs.append({"type": "image", "image": {"file_id": "file-sample"}})
        return {
            "id": self._id("call_"),
            "type": "code_interpreter",
            "code_interpreter": {"input": CODE, "outputs": outputs},
        }

    def function(self, output: str | None = None) -> Wire:
        """A call of a function."""
        function: Wire = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
        if output is not None:
            function["output"] = output
        return {"id": self._id("call_"), "type": "function", "function": function}

    def search(self, *, finds: bool = True) -> Wire:
        """A file search."""
        found: Wire = {
            "file_name": "handbook.pdf",
            "score": 0.87,
            "content": [{"text": "Add grid lines to any plot that a reader takes values from."}],
        }
        return {
            "id": self._id("call_"),
            "type": "file_search",
            "file_search": {"results": [found] if finds else []},
        }

    def message(self, role: str, text: str = "", status: str = "completed") -> MessageView:
        """A message of the user, or of the assistant with a citation."""
        message = Message(
            id=self._id("msg_"),
            thread=self.thread,
            role=role,
            status=status,
            run_id=None if role == "user" else "run_sample",
            created_at=self.now,
        )
        part = TextView(
            anchor=f"{message.id}-0",
            text=text,
            annotations=_cited(text),
            files={"file-sample": FileView("file-sample", "handbook.pdf")},
            open=status == "in_progress",
            cut=status == "incomplete",
        )
        author = "You" if role == "user" else str(self.assistant.name)
        return MessageView(message, author, [part], [])

    def with_files(self) -> MessageView:
        """A message with an image, one that was deleted, one elsewhere, and two attachments."""
        view = self.message("user", "What do these say?")
        gone = FileView("file-sample0", "a deleted file", is_deleted=True)
        view.parts += [
            ImageView(FileView("file-sample", "sine wave.png", 41_200)),
            ImageView(gone),
            ImageView(FileView("", "image"), "https://example.org/plot.png"),
        ]
        attached = FileView(self.file.id, self.file.filename, self.file.bytes)
        return replace(view, attachments=[attached, gone])

    def outcomes(self) -> list[Item]:
        """What is said below runs, in each of their states that have something said."""
        failed: list[Mapping[str, Any]] = [
            {"code": "server_error", "message": "The model's server closed the connection."},
            {"code": "rate_limit_exceeded", "message": "You exceeded your current quota."},
            {"code": "invalid_prompt", "message": "The message is longer than the model reads."},
        ]
        reasons = ("max_completion_tokens", "max_prompt_tokens", "content_filter")
        calls = {"submit_tool_outputs": {"tool_calls": [self.function()]}}
        runs = [
            self.run(RunStatus.QUEUED),
            self.run(RunStatus.REQUIRES_ACTION, required_action=calls),
            self.run(RunStatus.CANCELLING),
            self.run(RunStatus.CANCELLED),
            *(self.run(RunStatus.FAILED, last_error=error) for error in failed),
            *(
                self.run(RunStatus.INCOMPLETE, incomplete_details={"reason": reason})
                for reason in reasons
            ),
            self.run(RunStatus.EXPIRED),
            self.run(RunStatus.EXPIRED, started_at=None),
        ]
        standing = self.run(RunStatus.COMPLETED)
        kept = [{"message": {"id": "msg_sample"}, "at": ""}]
        replaced = self.run(RunStatus.COMPLETED, replaced_by="run_sample", replaced_messages=kept)
        tried = self.run(RunStatus.FAILED, replaced_by=standing.id, replaces=standing.id)
        tried.last_error = {"code": "server_error", "message": "The model does not answer."}
        tried.created_at = self.now
        versions = [
            OutcomeView(standing, [replaced]),
            OutcomeView(replaced, [replaced], standing),
            OutcomeView(standing, [tried]),
        ]
        return [*map(OutcomeView, runs), *versions]

    def runs(self) -> list[RunView]:
        """A run in each status, folded out with steps of every kind where they belong."""
        return [RunView(run, self._steps(run)) for run in map(self._run_of, RunStatus.values)]

    def _run_of(self, status: str) -> Run:
        overrides = {"temperature": 0.2} if status == RunStatus.COMPLETED else {}
        return self.run(status, overrides=overrides)

    def _steps(self, run: Run) -> list[StepView]:
        match run.status:
            case RunStatus.COMPLETED:
                return [
                    self.step(run, [self.code("400 values\n", draws=True)]),
                    self.step(run, [self.search()]),
                    self.step(run, [self.function('{"celsius": 4}')]),
                    self.step(run, [], images=1),
                ]
            case RunStatus.REQUIRES_ACTION:
                return [self.step(run, [self.function(), self.function()], "in_progress")]
            case RunStatus.FAILED:
                error = {"code": "server_error", "message": "The sandbox did not answer."}
                return [self.step(run, [self.code()], "failed", error=error)]
            case RunStatus.CANCELLED:
                return [self.step(run, [self.code()], "cancelled")]
        return []

    def store(self, *, days: int | None = None, idle: int = 0, **counts: int) -> VectorStore:
        """A vector store with so many files in each status, unused for ``idle`` days."""
        store = VectorStore(
            id=self._id("vs_"),
            project=self.project,
            name="Handbooks",
            expires_after_days=days,
            last_active_at=self.now - timedelta(days=idle),
        )
        store.known_counts = Counts(usage_bytes=2_400_000, **counts)
        return store

    def row(self, store: VectorStore, file: File, status: str) -> VectorStoreFile:
        """A file's place in a store."""
        row = VectorStoreFile(vector_store=store, file=file, status=status, usage_bytes=48_000)
        if status == "failed":
            row.last_error = {"code": "unsupported_file", "message": "It has no text to search."}
        return row

    def at(self, days: int) -> datetime:
        """So many days ago."""
        return self.now - timedelta(days=days)


def _cited(text: str) -> list[Wire]:
    """The annotation of the one citation mark in the text, if there is one."""
    begin, end = text.find("【"), text.find("】") + 1
    if begin < 0:
        return []
    return [
        {
            "type": "file_citation",
            "text": text[begin:end],
            "start_index": begin,
            "end_index": end,
            "file_citation": {"file_id": "file-sample", "quote": "Add grid lines to any plot."},
        }
    ]

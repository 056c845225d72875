"""Lays out a thread as people leave one behind: questions, answers with Markdown of every kind,
code that was run, with what it printed and drew.
"""

import struct
import zlib
from datetime import timedelta
from io import BytesIO

from assistants.errors import Wire
from assistants.models import Assistant, File, Message, Project, Run, RunStatus, RunStep, clock
from assistants.models import Thread as ThreadRow
from assistants.operations import files, threads
from assistants.params import ThreadUpdate, validate

QUESTIONS = (
    "Create a visualization of a sinewave, the {}th of them",
    "Please solve 3x + 11 = 14 again, with {} in place of 14, and **explain** every step.",
    "What do you make of `measurements_{}.csv`? I would like a table, and a list of what is odd.",
    "Thank you! Now the same, but dark, and number {} in the title.",
)
ANSWERS = (
    """Here is the sine wave number {}, drawn over one full period. It

- crosses zero at $0$, $\\pi$ and $2\\pi$,
- reaches its maximum of 1 at $\\frac{{\\pi}}{{2}}$,
- reaches its minimum of -1 at $\\frac{{3\\pi}}{{2}}$.

Would you like another frequency, or another amplitude?""",
    """## Solving $3x + 11 = {}$

1. Subtract 11 from both sides.
2. Divide both sides by 3.

$$x = \\frac{{{} - 11}}{{3}}$$

```python
from sympy import Eq, solve, symbols

x = symbols("x")
solution = solve(Eq(3 * x + 11, {}), x)
print(f"x = {{solution[0]}}")  # exact, as a fraction
```

> Check it by putting the value back in: both sides are the same.
""",
    """The file has **{} rows** and five columns. In short:

| column | kind | empty | mean | remark |
|---|---|---:|---:|---|
| `time` | date | 0 | | every ten minutes |
| `temperature` | number | 3 | 21.4 | two values above 60 |
| `pressure` | number | 0 | 1013.2 | |
| `humidity` | number | 12 | 48.1 | drops at night |
| `station` | text | 0 | | *four* different ones |

What is odd:

* Three rows have no temperature; they follow each other.
* The humidity is missing for two hours, see [the notes](https://example.com/notes).
  * It is the same station each time.
* The last day is incomplete.
""",
    "Here it is with a dark background, and {} in its title. The code is above; the colours come "
    "from matplotlib's own style `dark_background`. " * 3,
)
CODE = """import numpy as np
import matplotlib.pyplot as plt

# Number {}
x = np.linspace(0, 2 * np.pi, 500)
fig, ax = plt.subplots(figsize=(10, 6))
for frequency in (1, 2, 3):
    ax.plot(x, np.sin(frequency * x), label=f"sin({{frequency}}x)")
ax.set_title("Sine waves")
ax.legend()
plt.show()
print(x.mean(), x.std())
"""
LOGS = "\n".join(f"row {{}}.{row}: 3.141592653589793 1.8157" for row in range(12))


def laid_out(project: Project, assistant: Assistant, messages: int) -> ThreadRow:
    """A thread of so many messages: every other one an answer, every second of these with code
    that was run and drew an image.
    """
    thread = threads.create(project)
    thread = threads.update(
        thread, validate(ThreadUpdate, {"metadata": {"title": f"{messages} messages"}})
    )
    image = files.create(
        project, BytesIO(_png()), filename="sine.png", purpose=files.MADE_BY_ASSISTANT
    )
    rows = _Rows()
    for turn in range(messages // 2):
        rows.add(thread, assistant, turn, image if turn % 2 == 0 else None)
    Run.objects.bulk_create(rows.runs)
    RunStep.objects.bulk_create(rows.steps)
    Message.objects.bulk_create(rows.messages)
    thread.assistant_id = assistant.id
    thread.save(update_fields=["assistant_id"])
    return thread


class _Rows:
    """What is to be stored, in the order of the thread."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.runs: list[Run] = []
        self.steps: list[RunStep] = []

    def add(self, thread: ThreadRow, assistant: Assistant, turn: int, image: File | None) -> None:
        """A question, and the run that answers it."""
        question = QUESTIONS[turn % len(QUESTIONS)].format(turn)
        self.messages.append(Message(thread=thread, role="user", content=[_text(question)]))
        run = Run(
            thread=thread,
            assistant_id=assistant.id,
            status=RunStatus.COMPLETED,
            model=assistant.model,
            response_format="auto",
            tool_choice="auto",
            tools=assistant.tools,
            usage=_usage(turn),
        )
        run.started_at = run.created_at
        run.completed_at = run.ended_at = run.created_at + timedelta(seconds=2)
        self.runs.append(run)
        if image is not None:
            self._step(run, "tool_calls", _code_call(turn, image))
        answer = Message(
            thread=thread,
            role="assistant",
            run_id=run.id,
            assistant_id=assistant.id,
            completed_at=clock.now(),
            content=[
                *([_image(image)] if image else []),
                _text(ANSWERS[turn % len(ANSWERS)].format(*[turn] * 3)),
            ],
        )
        details = {"type": "message_creation", "message_creation": {"message_id": answer.id}}
        self._step(run, "message_creation", details)
        self.messages.append(answer)

    def _step(self, run: Run, kind: str, details: Wire) -> None:
        now = clock.now()
        step = RunStep(run=run, type=kind, status="completed", step_details=details)
        step.completed_at = step.ended_at = now
        step.usage = _usage(1)
        self.steps.append(step)


def _text(value: str) -> Wire:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def _image(image: File) -> Wire:
    return {"type": "image_file", "image_file": {"file_id": image.id, "detail": "auto"}}


def _code_call(turn: int, image: File) -> Wire:
    outputs = [
        {"type": "logs", "logs": LOGS.format(*[turn] * 12)},
        {"type": "image", "image": {"file_id": image.id}},
    ]
    body = {"input": CODE.format(turn), "outputs": outputs}
    call = {"id": f"call_{turn}", "type": "code_interpreter", "code_interpreter": body}
    return {"type": "tool_calls", "tool_calls": [call]}


def _usage(turn: int) -> Wire:
    return {"prompt_tokens": 800 + turn, "completion_tokens": 120, "total_tokens": 920 + turn}


def _png() -> bytes:
    """A picture of one grey point."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")

"""A thread in which everything has happened that a thread can have, for those who copy threads."""

from io import BytesIO
from typing import Any

from assistants.models import Assistant, File, Message, Project, Run, Thread, VectorStore
from assistants.operations import files, messages, runs, steps, vector_store_files, vector_stores
from assistants.params import (
    MessageCreate,
    ToolOutputsSubmit,
    VectorStoreCreate,
    VectorStoreFileCreate,
    validate,
)
from tests.api.worker import USAGE, Worker
from tests.factories import make_assistant, make_file, make_run, make_thread

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
MARKER = "【4:0†guide.md】"
WEATHER = {"type": "function", "function": {"name": "weather"}}
CODE = "print('drawn')\nplot()"
QUOTE = "Bread needs salt."


class History:
    """The thread, and what belongs to it."""

    def __init__(self, project: Project) -> None:
        self.guide = make_file(project, f"# Guide\n\n{QUOTE}\n", "guide.md")
        self.table = make_file(project, "a,b\n1,2\n", "table.csv")
        self.figure = made_by_code(project, PNG, "figure.png")
        self.saved = made_by_code(project, b"x,y\n3,4\n", "result.csv")
        self.store: VectorStore = vector_stores.create(
            project, validate(VectorStoreCreate, {"name": "Guides", "metadata": {"a": "b"}})
        )
        addition = {
            "file_id": self.guide.id,
            "attributes": {"year": 2024, "draft": False},
            "chunking_strategy": {
                "type": "static",
                "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 20},
            },
        }
        vector_store_files.create(self.store, validate(VectorStoreFileCreate, addition))
        self.assistant: Assistant = make_assistant(
            project,
            name="Baker",
            instructions="Bake.",
            tools=[{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER],
            tool_resources={
                "code_interpreter": {"file_ids": [self.table.id]},
                "file_search": {"vector_store_ids": [self.store.id]},
            },
            metadata={"team": "bread"},
        )
        self.thread: Thread = make_thread(project, "Draw **it** & cite the guide")
        self.run: Run = make_run(self.thread, self.assistant, temperature=0.5)
        worker = Worker(self.run.id)
        self._call_tools(worker)
        self._answer(worker)
        worker.complete()
        attached = {
            "role": "user",
            "content": [
                {"type": "text", "text": "And the weather?"},
                {"type": "image_file", "image_file": {"file_id": self.figure.id}},
            ],
            "attachments": [
                {"file_id": self.table.id, "tools": [{"type": "code_interpreter"}]},
            ],
            "metadata": {"from": "test"},
        }
        messages.create(self.thread, validate(MessageCreate, attached))
        self.second = make_run(self.thread, self.assistant)
        worker = Worker(self.second.id)
        worker.call("weather", '{"city": "Oslo"}')
        outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "rain"}]}
        runs.submit_tool_outputs(
            Run.objects.get(pk=self.second.id), validate(ToolOutputsSubmit, outputs)
        )
        worker = Worker(self.second.id)
        worker.answer("It ", "rains.")
        worker.complete()

    def _call_tools(self, worker: Worker) -> None:
        step = steps.begin_tool_calls(worker.run)
        code: dict[str, Any] = {
            "id": "call_code",
            "type": "code_interpreter",
            "code_interpreter": {
                "input": CODE,
                "outputs": [
                    {"type": "logs", "logs": "drawn\n"},
                    {"type": "image", "image": {"file_id": self.figure.id}},
                ],
            },
        }
        saved = {"/mnt/data/result.csv": self.saved.id}
        steps.finish_tool_calls(worker.run, step, [code], USAGE, saved, {})
        step = steps.begin_tool_calls(worker.run)
        found: dict[str, Any] = {
            "id": "call_search",
            "type": "file_search",
            "file_search": {
                "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0},
                "results": [
                    {
                        "file_id": self.guide.id,
                        "file_name": "guide.md",
                        "score": 0.75,
                        "attributes": {"year": 2024},
                        "content": [{"type": "text", "text": QUOTE}],
                    }
                ],
            },
        }
        kept = {
            "queries": ["salt"],
            "number": 4,
            "pages": {"0": 2},
            "starts": {"0": 9},
            "beginnings": [0],
        }
        steps.finish_tool_calls(worker.run, step, [found], USAGE, {}, {"call_search": kept})

    def _answer(self, worker: Worker) -> None:
        step, message = worker.begin_message()
        said = f"Salt it{MARKER}. [The table](sandbox:/mnt/data/result.csv)"
        at = said.index(MARKER)
        path = "sandbox:/mnt/data/result.csv"
        cited = {"file_id": self.guide.id, "quote": QUOTE, "page": 2, "start": 9, "end": 26}
        annotations = [
            {
                "type": "file_citation",
                "text": MARKER,
                "start_index": at,
                "end_index": at + len(MARKER),
                "file_citation": cited,
            },
            {
                "type": "file_path",
                "text": path,
                "start_index": said.index(path),
                "end_index": said.index(path) + len(path),
                "file_path": {"file_id": self.saved.id},
            },
        ]
        image = {"type": "image_file", "image_file": {"file_id": self.figure.id, "detail": "auto"}}
        text = {"type": "text", "text": {"value": said, "annotations": annotations}}
        steps.finish_message(worker.run, step, message, [image, text], USAGE)
        self.answer = Message.objects.get(pk=message.pk)


def made_by_code(project: Project, content: bytes, filename: str) -> File:
    """A file as the code interpreter saves it."""
    purpose = files.MADE_BY_ASSISTANT
    return files.create(project, BytesIO(content), filename=filename, purpose=purpose)

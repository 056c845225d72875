"""What the log of a thread told since the last frame: which rows to read again, which texts have
grown.
"""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from assistants.errors import Wire
from assistants.events.fold import Fold
from assistants.events.log import Entry
from playground import fragments, scopes, transcript
from playground.rendering.blocks import Blocks

SAID: Final = {
    "thread.run.queued": gettext_noop("Run queued"),
    "thread.run.in_progress": gettext_noop("Run started"),
    "thread.run.requires_action": gettext_noop("The run waits for the outputs of functions"),
    "thread.run.cancelling": gettext_noop("Stopping the run"),
    "thread.run.cancelled": gettext_noop("Run stopped"),
    "thread.run.completed": gettext_noop("Run completed"),
    "thread.run.failed": gettext_noop("Run failed"),
    "thread.run.incomplete": gettext_noop("Run ended before the answer was complete"),
    "thread.run.expired": gettext_noop("Run expired"),
}
"""What a screen reader is told of some events, in English."""

WRITING: Final = gettext_noop("Writing the answer")
USING_A_TOOL: Final = gettext_noop("Using a tool")


class Changes:
    """What happened since the last frame: which rows to read again, which texts have grown."""

    def __init__(self, state: Fold | None = None) -> None:
        self.state = state or Fold()
        self.runs: set[str] = set()
        self.messages: set[str] = set()
        self.deleted: set[str] = set()
        self.looking = False
        self.titled = False
        self._said = ""
        self._parts: dict[str, Blocks] = {}
        self._grown: set[str] = set()
        self._calls: dict[str, tuple[str, Wire]] = {}

    @property
    def rows(self) -> bool:
        """Whether anything has to be read from the database."""
        return bool(self.runs or self.messages or self.looking or self.titled)

    @property
    def said(self) -> str:
        """What a screen reader is told. Only now in the reader's language: the log is heard in
        nobody's.
        """
        return _(self._said) if self._said else ""

    def look(self) -> None:
        """Read the active run again, whatever the log says."""
        self.looking = True

    def apply(self, entry: Entry) -> None:
        """Take in one entry of the log."""
        data = entry.object
        self.state.apply(entry.name, data)
        if entry.name == "thread.message.delta":
            self._grow(data)
        elif entry.name == "thread.run.step.delta":
            self._call(entry.run, data)
        elif entry.name == "thread.message.deleted":
            self.deleted.add(data["id"])
            self.messages.discard(data["id"])
        elif entry.name.startswith("thread.message."):
            self.messages.add(data["id"])
            self.titled = self.titled or data.get("role") == "user"
        elif entry.name.startswith("thread.run"):
            self.runs.add(entry.run)
        elif entry.name == "thread.updated":
            self.titled = True
        self._said = _announcement(entry.name, data) or self._said

    def clear(self) -> None:
        """Everything has been shown."""
        self.runs.clear()
        self.messages.clear()
        self.deleted.clear()
        self._grown.clear()
        self._calls.clear()
        self.looking = self.titled = False
        self._said = ""

    def parts_as_html(self) -> list[str]:
        """The blocks of texts that have grown, and the calls that have."""
        html = []
        for anchor in self._grown:
            changed = [block.html for block in self._parts[anchor].changes()]
            changed.append(self._parts[anchor].new_footnotes())
            # With its message, the text has been rendered as a whole already.
            if anchor.partition("-")[0] not in self.messages:
                html += [fragments.into(anchor, part) for part in changed if part]
        for run_id, call in self._calls.values():
            if run_id not in self.runs and scopes.shows_steps():
                html.append(fragments.call(transcript.call_view(call, {}, running=True)))
        return html

    def _grow(self, data: Wire) -> None:
        message = self.state.messages.get(data["id"])
        if message is None:
            # The stream came in after its beginning: the database or a later event has it whole.
            self.messages.add(data["id"])
            return
        for part in data["delta"]["content"]:
            anchor = f"{data['id']}-{part['index']}"
            if part["type"] != "text":
                self.messages.add(data["id"])
            elif anchor in self._parts:
                text = part["text"]
                self._parts[anchor].feed(text.get("value") or "", text.get("annotations", ()))
                self._grown.add(anchor)
            else:
                self._parts[anchor] = _blocks(anchor, message["content"][part["index"]])
                self._grown.add(anchor)
                # The element that the blocks go into comes with the message.
                self.messages.add(data["id"])

    def _call(self, run_id: str, data: Wire) -> None:
        step = self.state.steps.get(data["id"])
        if step is None:
            self.runs.add(run_id)
            return
        for delta in data["delta"]["step_details"]["tool_calls"]:
            call = step["step_details"]["tool_calls"][delta["index"]]
            outputs = call.get("code_interpreter", {}).get("outputs", [])
            if "id" in delta or any(output["type"] == "image" for output in outputs):
                # A new call, or a file whose name only the database knows.
                self.runs.add(run_id)
            else:
                self._calls[call["id"]] = (run_id, call)


def _blocks(anchor: str, part: Wire) -> Blocks:
    """The text part as it is now."""
    blocks = Blocks(anchor)
    blocks.feed(part["text"]["value"], part["text"].get("annotations", ()))
    return blocks


def announced(name: str, data: Wire) -> str:
    """What a screen reader is told of an event, in the reader's language; empty for most."""
    said = _announcement(name, data)
    return _(said) if said else ""


def _announcement(name: str, data: Wire) -> str:
    """The same in English."""
    if name == "thread.run.step.created":
        return WRITING if data["type"] == "message_creation" else USING_A_TOOL
    return SAID.get(name, "")

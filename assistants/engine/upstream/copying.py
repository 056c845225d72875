"""Copies what a run does on another server into our messages, steps and files as it goes on.

Both ways of hearing of it, a stream and asking again and again, end in ``Copier.steps``: it brings
what is here to where the server says that it is.
"""

import contextlib
import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from assistants.engine.executing import Services
from assistants.engine.upstream.client import Heard, Upstream
from assistants.engine.upstream.growing import GrowingMessage, GrowingStep
from assistants.errors import ApiError, Wire
from assistants.events.fold import accumulate
from assistants.models import Run, StepStatus, UpstreamThread
from assistants.operations import endings, steps, upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.endings import Partial
from assistants.operations.upstream_failures import UpstreamError, nonsense

logger = logging.getLogger(__name__)

MAX_STEPS: Final = 1000
MAX_FILES: Final = 100
"""So many files of one run are copied."""
NOT_COPIED: Final = "file-notcopied"
"""Stands for a file that is not here where its own id would name another."""


class Copier:
    """What one run has here of what it has there."""

    def __init__(
        self,
        run: Run,
        upstream: Upstream,
        mirror: UpstreamThread,
        services: Services,
    ) -> None:
        self._run, self._upstream, self._mirror = run, upstream, mirror
        self._publisher, self._database = services.publisher, services.database
        self._storage = services.storage
        self._messages: dict[str, GrowingMessage] = {}
        """Open ones, by what their steps are called there."""
        self._tools: dict[str, GrowingStep] = {}
        self._ended: set[str] = set()
        """Steps, by what they are called there, that have ended here."""
        self._streamed: dict[str, list[Wire]] = {}
        """Calls of open steps as the stream has told them."""
        self._whole: dict[str, shapes.Message] = {}
        """Messages that the stream has told to their end."""
        self._steps_of: dict[str, str] = {}
        """The steps of messages, both as they are called there."""
        self._files: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        """What files that could not be copied are called here."""

    async def resume(self) -> None:
        """Take up what an earlier worker, or an earlier turn of the run, has left."""
        run, publisher = self._run, self._publisher
        known = await self._database(upstream_mirrors.known_steps, run)
        if not known:
            return
        written = await self._database(endings.written, run)
        for there, (step, message) in known.items():
            if step.status != StepStatus.IN_PROGRESS:
                self._ended.add(there)
            elif step.type == "tool_calls":
                details = written.details.get(step.id, step.step_details)
                calls = list(details.get("tool_calls", []))
                self._tools[there] = GrowingStep(run, step, publisher, calls)
            elif message is not None:
                content = list(written.contents.get(message.id, []))
                self._messages[there] = GrowingMessage(run, step, message, publisher, content)

    @property
    def partial(self) -> Partial:
        """What is open, for the end of the run."""
        return Partial(
            {open_.message.id: open_.content for open_ in self._messages.values()},
            {open_.step.id: open_.details for open_ in self._tools.values()},
        )

    # --- hearing
    # --------------------------------------------------------------------------------

    async def hear(self, heard: Heard) -> shapes.Run | None:
        """Take in one event of the stream; the run, where it tells of that.

        :raises UpstreamError: it is nonsense
        """
        checked, name = self._upstream.checked, heard.name
        if name == "thread.message.delta":
            await self._hear_message(checked(shapes.MessageDelta, heard.data))
        elif name == "thread.run.step.delta":
            await self._hear_step(checked(shapes.StepDelta, heard.data))
        elif name.startswith("thread.run.step."):
            step = checked(shapes.Step, heard.data)
            if step.status in ("in_progress", "completed"):
                await self._take_in(step)
        elif name in ("thread.message.completed", "thread.message.incomplete"):
            message = checked(shapes.Message, heard.data)
            self._whole[message.id] = message
        elif name.startswith("thread.run."):
            return checked(shapes.Run, heard.data)
        elif name == "error":
            raise nonsense(self._upstream.label, "an error in the stream")
        return None

    async def _hear_message(self, heard: shapes.MessageDelta) -> None:
        growing = self._messages.get(self._steps_of.get(heard.id, ""))
        if growing is None:
            return
        for part in heard.delta.content:
            if part.type == "image_file" and part.image_file:
                growing.image(part.index, await self._image(part.image_file))
            elif part.type == "text" and part.text:
                annotations = await self._annotations(part.text.annotations)
                growing.append(part.index, part.text.value, annotations)
            elif part.refusal:
                growing.append(part.index, part.refusal, [])

    async def _hear_step(self, heard: shapes.StepDelta) -> None:
        growing, details = self._tools.get(heard.id), heard.delta.step_details
        if growing is None or details is None:
            return
        calls = self._streamed.setdefault(heard.id, [])
        for call in details.tool_calls:
            if call.index > len(calls):
                raise nonsense(self._upstream.label, "a call out of its order")
            accumulate(calls, [call.model_dump(mode="json", exclude_none=True)])
        with contextlib.suppress(ValueError):
            whole = shapes.Details.model_validate({"type": "tool_calls", "tool_calls": calls})
            growing.become(await self._calls(whole.tool_calls))

    # --- asking
    # ---------------------------------------------------------------------------------

    async def steps(self) -> bool:
        """Bring what is here to where the run's steps are there. Returns whether anything was new.

        :raises UpstreamError: the server does not tell
        :raises LeaseLost: the run is not this worker's any more
        """

        def asking(after: str) -> Any:
            more: Any = {"after": after} if after else {}
            return lambda: self._upstream.steps.list(
                self._run.upstream.upstream_id,
                thread_id=self._mirror.upstream_id,
                order="asc",
                limit=100,
                include=["step_details.tool_calls[*].file_search.results[*].content"],
                **more,
            )

        found = await self._upstream.pages(shapes.Page[shapes.Step], asking, MAX_STEPS)
        before = (len(self._ended), len(self._messages), len(self._tools))
        for step in found:
            await self._take_in(step)
        return before != (len(self._ended), len(self._messages), len(self._tools))

    async def _take_in(self, step: shapes.Step) -> None:
        if step.id in self._ended:
            return
        if step.step_details.type == "message_creation":
            await self._take_message(step)
        else:
            await self._take_calls(step)

    async def _take_message(self, step: shapes.Step) -> None:
        message_there = step.message_id
        if message_there is None:
            return
        growing = self._messages.get(step.id)
        if growing is None:
            await self._publisher.drain()
            opened, message = await self._database(
                upstream_mirrors.begin_message, self._run, self._mirror, step.id, message_there
            )
            growing = GrowingMessage(self._run, opened, message, self._publisher, [])
            self._messages[step.id] = growing
        self._steps_of[message_there] = step.id
        if step.status == "in_progress":
            return
        whole = self._whole.get(message_there) or await self._message(message_there)
        content = await self._content(whole.content)
        growing.become(content)
        if step.status != "completed":
            growing.content = content
            return  # the end of the run closes it
        await self._publisher.drain()
        incomplete = whole.status == "incomplete"
        reason = whole.incomplete_details.reason if whole.incomplete_details else None
        await self._database(
            steps.finish_message,
            self._run,
            growing.step,
            growing.message,
            content or [{"type": "text", "text": {"value": "", "annotations": []}}],
            usage_of(step.usage),
            incomplete=(reason or "max_tokens")[:32] if incomplete else None,
        )
        del self._messages[step.id]
        self._ended.add(step.id)

    async def _message(self, message_id: str) -> shapes.Message:
        thread_id = self._mirror.upstream_id
        asking = partial(self._upstream.messages.retrieve, message_id, thread_id=thread_id)
        return (await self._upstream.call(shapes.Message, asking)).value

    async def _take_calls(self, step: shapes.Step) -> None:
        growing = self._tools.get(step.id)
        if growing is None:
            await self._publisher.drain()
            opened = await self._database(upstream_mirrors.begin_tool_calls, self._run, step.id)
            growing = self._tools[step.id] = GrowingStep(self._run, opened, self._publisher, [])
        calls = await self._calls(step.step_details.tool_calls)
        growing.become(calls)
        if step.status == "in_progress":
            return
        if step.status != "completed":
            growing.calls = calls or growing.calls
            return
        await self._publisher.drain()
        await self._database(
            steps.finish_tool_calls,
            self._run,
            growing.step,
            calls,
            usage_of(step.usage),
            {},
            {},
        )
        del self._tools[step.id]
        self._ended.add(step.id)

    def waiting_for(self, call_ids: set[str]) -> GrowingStep:
        """The open step with these calls of functions.

        :raises UpstreamError: there is none
        """
        for growing in self._tools.values():
            if call_ids <= {call["id"] for call in growing.calls if call["type"] == "function"}:
                return growing
        raise nonsense(self._upstream.label, "it waits for calls that are in no step")

    # --- translating
    # ----------------------------------------------------------------------------

    async def _content(self, parts: list[shapes.Part]) -> list[Wire]:
        """A message's parts with our files in the place of theirs."""
        content: list[Wire] = []
        for part in parts:
            if part.type == "image_file" and part.image_file:
                content.append(await self._image(part.image_file))
            elif part.type == "text" and part.text:
                annotations = await self._annotations(part.text.annotations)
                text = {"value": part.text.value, "annotations": annotations}
                content.append({"type": "text", "text": text})
            elif part.refusal is not None:
                text = {"value": part.refusal, "annotations": []}
                content.append({"type": "text", "text": text})
        return content

    async def _image(self, image: shapes.ImageFile) -> Wire:
        file_id = await self.file(image.file_id)
        named = {"file_id": file_id, "detail": image.detail or "auto"}
        return {"type": "image_file", "image_file": named}

    async def _annotations(self, annotations: list[shapes.Annotation]) -> list[Wire]:
        found: list[Wire] = []
        for annotation in annotations:
            there = annotation.file_id
            if there is None:
                continue
            wire = annotation.model_dump(mode="json", exclude_none=True)
            wire.pop("file_path" if annotation.type == "file_citation" else "file_citation", None)
            wire[annotation.type]["file_id"] = await self.file(there)
            wire.setdefault("start_index", 0)
            wire.setdefault("end_index", 0)
            if annotation.type == "file_citation":
                wire["file_citation"].setdefault("quote", "")
            found.append(wire)
        return found

    async def _calls(self, calls: list[shapes.Call]) -> list[Wire]:
        found: list[Wire] = []
        for place, call in enumerate(calls):
            wire: Wire = {"id": call.id or f"call_{place}", "type": call.type}
            if call.type == "code_interpreter":
                code = call.code_interpreter or shapes.Code()
                outputs = [await self._output(output) for output in code.outputs]
                wire[call.type] = {"input": code.input or "", "outputs": outputs}
            elif call.type == "function":
                function = call.function or shapes.Function()
                wire[call.type] = {
                    "name": function.name or "",
                    "arguments": function.arguments or "",
                    "output": function.output,
                }
            else:
                wire[call.type] = await self._search(call.file_search or shapes.Search())
            found.append(wire)
        return found

    async def _output(self, output: shapes.Output) -> Wire:
        if output.type == "logs":
            return {"type": "logs", "logs": output.logs or ""}
        file_id = await self.file(output.image.file_id) if output.image else ""
        return {"type": "image", "image": {"file_id": file_id}}

    async def _search(self, search: shapes.Search) -> Wire:
        options = search.ranking_options or shapes.RankingOptions()
        results: list[Wire] = []
        for found in search.results or []:
            content = [one.model_dump(mode="json") for one in found.content or []]
            results.append(
                {
                    "file_id": await self.file(found.file_id),
                    "file_name": found.file_name,
                    "score": found.score,
                    "content": content,
                }
            )
        return {"ranking_options": options.model_dump(mode="json"), "results": results}

    async def file(self, file_id: str) -> str:
        """Our id of a file there, which is copied if it is not known here yet. One that cannot be
        copied keeps the id that it has there: the studio shows that it is not here.
        """
        if file_id in self._files:
            return self._files[file_id]
        if file_id in self._refused:
            return self._refused[file_id]
        provider = self._upstream.provider
        here = await self._database(upstream_mirrors.file_here, provider, file_id)
        if here is None:
            here = await self._copied(file_id)
        if here is None:
            is_of_others = await self._database(upstream_mirrors.is_of_others, self._run, file_id)
            self._refused[file_id] = here = NOT_COPIED if is_of_others else file_id
            return here
        self._files[file_id] = here
        return here

    async def _copied(self, file_id: str) -> str | None:
        upstream = self._upstream
        if len(self._files) >= MAX_FILES:
            return None
        try:
            asking = partial(upstream.files.retrieve, file_id)
            about = (await upstream.call(shapes.File, asking)).value
            with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
                path = Path(folder) / "file"
                await upstream.download(file_id, path)
                name = about.filename.rpartition("/")[2] or "file"
                return await self._storage(
                    upstream_mirrors.keep_copied_file,
                    self._run,
                    upstream.provider,
                    file_id,
                    path,
                    name,
                )
        except (UpstreamError, ApiError) as error:
            logger.warning("%s of %s is not copied: %s", file_id, upstream.label, error.message)
            return None


def usage_of(usage: shapes.Usage | None) -> Wire | None:
    """What was used, as a step has it."""
    return usage.model_dump(mode="json") if usage else None

"""One call of the code interpreter for a run: inputs in, output as it comes, figures and files
kept.
"""

import logging
import tempfile
from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings

from assistants.engine.context import input_files, tool_result
from assistants.engine.writer import Database, ToolStepWriter
from assistants.errors import StorageAway
from assistants.models import File, Run
from assistants.operations import files
from assistants.tools.code_interpreter.client import (
    Ended,
    Image,
    InputFile,
    Interpreter,
    InterpreterUnavailable,
    Logs,
    SavedFile,
)

logger = logging.getLogger(__name__)

STORAGE_AWAY = (
    "The file storage does not answer: files of this thread cannot be opened, and figures and "
    "files that code makes are not kept.\n"
)


class CodeRunner:
    """Runs a run's code in the session of its thread."""

    def __init__(
        self, run: Run, interpreter: Interpreter, database: Database, storage: Database
    ) -> None:
        self._run = run
        self._interpreter = interpreter
        self._database, self._storage = database, storage
        self.saved: dict[str, str] = {}
        """Ids of the files that this run's code saved, by their paths in the sandbox."""
        self.images: list[str] = []
        """Ids of figures that no message shows yet."""

    async def call(self, writer: ToolStepWriter, place: int, code: str) -> str:
        """Run the code of a call, write what comes of it to its step, and return what the model
        hears of it.
        """
        logs: list[str] = []
        image_names: list[str] = []
        saved_paths: list[str] = []

        def log(text: str) -> None:
            logs.append(text)
            writer.logs(place, text)

        session = self._run.thread_id
        inputs = [
            InputFile(file.id, file.filename, file.bytes, partial(files.open_content, file))
            for file in await self._database(input_files, self._run)
        ]
        try:
            async for output in self._interpreter.execute(
                session, code, inputs, deadline=settings.INTERPRETER_CALL_SECONDS
            ):
                match output:
                    case Logs(text):
                        log(text)
                    case Image(output_id, name):
                        file = await self._keep(output_id, name)
                        self.images.append(file.id)
                        image_names.append(name)
                        writer.image(place, file.id)
                    case SavedFile(output_id, path):
                        file = await self._keep(output_id, PurePosixPath(path).name)
                        self.saved[path] = file.id
                        saved_paths.append(path)
                    case Ended(_, note) if note:
                        log(f"{note}\n")
        except StorageAway:
            # Before the code began, or while what it made was to be kept.
            log(STORAGE_AWAY)
        except InterpreterUnavailable as unavailable:
            logger.warning("the code interpreter is off: %s", unavailable.reason)
            log(f"The code interpreter is not available: {unavailable.shown}\n")
        return tool_result("".join(logs), image_names, saved_paths)

    async def _keep(self, output_id: str, name: str) -> File:
        """Move an output into the file storage, without a copy where both are on one disk."""
        # Where uploads come in, too: beside the storage.
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            place = Path(folder) / "output"
            await self._interpreter.take(self._run.thread_id, output_id, place)
            return await self._storage(
                files.move_in,
                self._run.thread.project,
                place,
                filename=name,
                purpose=files.MADE_BY_ASSISTANT,
            )

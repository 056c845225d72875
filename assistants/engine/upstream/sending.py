"""Brings a thread, and what its run may open, to another Assistants server: files, vector stores,
messages. What is there already is not sent again.
"""

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import Any, Final

from assistants.engine.upstream.client import MAX_FILE, Upstream
from assistants.engine.writer import Database
from assistants.errors import Wire
from assistants.models import File, Message, Run, UpstreamThread, VectorStore
from assistants.operations import files, upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.upstream_failures import UpstreamError

OUR_MESSAGE: Final = "playground_message"
OUR_THREAD: Final = "playground_thread"
"""Keys of the metadata by which our objects are recognised there."""
MAX_METADATA: Final = 16
INGESTING_SECONDS: Final = 180.0
"""How long the server may take to read the files of a vector store."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between two looks at a vector store, whatever the server asks for."""
SENT_AS_THEY_ARE: Final = ("assistants", "vision", "user_data")
"""Purposes under which files can be uploaded."""


class Sender:
    """What one run needs there."""

    def __init__(self, run: Run, upstream: Upstream, database: Database) -> None:
        self._run, self._upstream, self._database = run, upstream, database
        self._files: dict[str, str] = {}

    async def thread(self) -> UpstreamThread:
        """The thread's mirror, with all the messages that are here. Where the server refuses a file
        or a vector store that it was given once, and has no more, it is given another.

        :raises UpstreamError: the server refused, or does not answer
        """
        try:
            return await self._thread()
        except UpstreamError as error:
            provider = self._upstream.provider
            forget = upstream_mirrors.forget_named
            if error.status not in (400, 404) or not await self._database(
                forget, provider, error.reason
            ):
                raise
        self._files.clear()
        return await self._thread()

    async def _thread(self) -> UpstreamThread:
        await self._assistant()
        provider, thread = self._upstream.provider, self._run.thread
        mirror = await self._database(upstream_mirrors.mirror_of, thread, provider)
        if mirror is not None:
            try:
                if await self._bring(mirror) or not await self._is_gone(mirror):
                    return mirror
            except UpstreamError as error:
                if error.status != 404 or not await self._is_gone(mirror):
                    raise
            # Somebody has deleted it there: it is made anew, from what is here.
            await self._database(upstream_mirrors.forget_mirror, mirror)
        resources = await self._resources(thread.tool_resources)
        body: Wire = {"metadata": {OUR_THREAD: thread.id}}
        if resources:
            body["tool_resources"] = resources
        create: Any = self._upstream.threads.create
        # Done twice it leaves an empty thread behind, which nobody will ever see.
        made = (await self._upstream.call(shapes.Thread, partial(create, **body))).value
        mirror = await self._database(
            upstream_mirrors.keep_mirror, thread, provider, made.id, thread.tool_resources
        )
        await self._messages(mirror)
        return mirror

    async def _is_gone(self, mirror: UpstreamThread) -> bool:
        asking = partial(self._upstream.threads.retrieve, mirror.upstream_id)
        try:
            await self._upstream.call(shapes.Thread, asking)
        except UpstreamError as error:
            return error.status == 404
        return False

    async def _bring(self, mirror: UpstreamThread) -> bool:
        """Bring a mirror that is there to what is here. Whether there was anything to do, and so it
        is known to be there still.
        """
        thread, upstream = self._run.thread, self._upstream
        if mirror.given != thread.tool_resources or self._has_stores(thread.tool_resources):
            resources = await self._resources(thread.tool_resources)
            if mirror.given != thread.tool_resources:
                update: Any = upstream.threads.update
                asking = partial(update, mirror.upstream_id, tool_resources=resources)
                await upstream.call(shapes.Thread, asking)
                await self._database(upstream_mirrors.note_given, mirror, thread.tool_resources)
        for row in await self._database(upstream_mirrors.deleted_here, mirror):
            delete = partial(
                upstream.messages.delete, row.upstream_id, thread_id=mirror.upstream_id
            )
            try:
                await upstream.call(shapes.Named, delete)
            except UpstreamError as error:
                if error.status != 404:
                    raise
            await self._database(upstream_mirrors.forget_message, row)
        return await self._messages(mirror)

    # --- messages
    # -------------------------------------------------------------------------------

    async def _messages(self, mirror: UpstreamThread) -> bool:
        """Send what is not there yet. Whether there was anything."""
        # A worker that died may have sent one more than it could write down.
        look = True
        for message in await self._database(upstream_mirrors.unsent, self._run, mirror):
            body = await self._message(message)
            if body is None:
                continue
            there = await self._sent(mirror, message, body, look=look)
            look = False
            await self._database(upstream_mirrors.keep_message, mirror, message.id, there)
        return not look

    async def _sent(
        self, mirror: UpstreamThread, message: Message, body: Wire, *, look: bool
    ) -> str:
        """Send a message once, also where an answer is lost: it is looked for there before it is
        sent again. The id that it has there.
        """
        create: Any = self._upstream.messages.create
        asking = partial(create, mirror.upstream_id, **body)
        for attempt in range(3):
            if (look or attempt) and (there := await self._found(mirror, message)):
                return there
            try:
                return (await self._upstream.call(shapes.Message, asking, once=True)).value.id
            except UpstreamError as error:
                if error.was_done is False or attempt == 2 or not error.may_pass:
                    raise
            await asyncio.sleep(0.5 * 2**attempt)
        raise AssertionError

    async def _found(self, mirror: UpstreamThread, message: Message) -> str | None:
        asking = partial(self._upstream.messages.list, mirror.upstream_id, limit=20)
        page = (await self._upstream.call(shapes.Page[shapes.Message], asking)).value
        for one in page.data:
            if (one.metadata or {}).get(OUR_MESSAGE) == message.id:
                return one.id
        return None

    async def _message(self, message: Message) -> Wire | None:
        """The body that makes the message there; None if nothing of it can be said there."""
        parts: list[Wire] = []
        for part in message.content:
            if part["type"] == "text" and part["text"]["value"].strip():
                parts.append({"type": "text", "text": part["text"]["value"]})
            elif part["type"] == "image_file":
                image = part["image_file"]
                if there := await self._file(image["file_id"], purpose="vision"):
                    parts.append({**part, "image_file": {**image, "file_id": there}})
            elif part["type"] == "image_url":
                parts.append(part)
        attachments = [
            {**attachment, "file_id": there}
            for attachment in message.attachments
            if (there := await self._file(attachment["file_id"]))
        ]
        if not parts and not attachments:
            return None
        body: Wire = {
            "role": message.role,
            "content": parts or [{"type": "text", "text": "…"}],
            "metadata": with_key(message.metadata, OUR_MESSAGE, message.id),
        }
        if attachments:
            body["attachments"] = attachments
        return body

    # --- files and vector stores
    # ----------------------------------------------------------------

    async def _file(self, file_id: str, purpose: str = "") -> str | None:
        """What a file is called there, which is uploaded if need be; None if it is gone here."""
        if file_id in self._files:
            return self._files[file_id]
        upstream = self._upstream
        there = await self._database(upstream_mirrors.file_there, upstream.provider, file_id)
        if there is None:
            found = await self._database(upstream_mirrors.files_by_id, self._run, [file_id])
            if file_id not in found:
                return None
            there = await self._upload(found[file_id], purpose)
            await self._database(
                upstream_mirrors.keep_sent_file, upstream.provider, found[file_id], there
            )
        self._files[file_id] = there
        return there

    async def _upload(self, file: File, purpose: str) -> str:
        purpose = purpose or (file.purpose if file.purpose in SENT_AS_THEY_ARE else "assistants")
        if file.bytes > MAX_FILE:
            message = f"{file.filename} is too large for {self._upstream.label}: files of up to "
            raise UpstreamError("server_error", f"{message}{MAX_FILE:,} bytes are sent there.")
        async with aclosing(await asyncio.to_thread(files.pieces, file)) as read:
            content = (file.filename, b"".join([piece async for piece in read]))
        create: Any = self._upstream.files.create
        asking = partial(create, file=content, purpose=purpose)
        # Done twice it leaves a second copy there, which costs a little space.
        return (await self._upstream.call(shapes.File, asking, seconds=300)).value.id

    def _has_stores(self, resources: Wire) -> bool:
        return bool(resources.get("file_search", {}).get("vector_store_ids"))

    async def _resources(self, resources: Wire) -> Wire:
        """``tool_resources`` with their files and stores, as they are called there."""
        found: Wire = {}
        if ids := resources.get("code_interpreter", {}).get("file_ids"):
            there = [await self._file(file_id) for file_id in ids]
            found["code_interpreter"] = {"file_ids": [one for one in there if one]}
        stores = await self._database(upstream_mirrors.stores_of, self._run, resources)
        if stores:
            ids = [await self._store(store, inside) for store, inside in stores]
            found["file_search"] = {"vector_store_ids": ids}
        return found

    async def _store(self, store: VectorStore, inside: list[File]) -> str:
        """What a vector store is called there, once it has the files that it has here."""
        upstream, database = self._upstream, self._database
        known = await database(upstream_mirrors.store_there, upstream.provider, store)
        now = [file.id for file in inside]
        if known is None:
            file_ids = [await self._file(file.id) for file in inside]
            create: Any = upstream.stores.create
            asking = partial(create, name=store.name or store.id)
            there = (await upstream.call(shapes.VectorStore, asking)).value.id
            added = [one for one in file_ids if one]
        else:
            there = known.upstream_id
            before = set(known.file_ids)
            added = [
                one
                for file in inside
                if file.id not in before and (one := await self._file(file.id))
            ]
            for gone in before - set(now):
                await self._take_out(there, gone)
        add: Any = upstream.store_files.create
        for file_id in added:
            # In a store a file is there once, however often it is added.
            await upstream.call(shapes.Named, partial(add, there, file_id=file_id))
        await database(upstream_mirrors.keep_store, upstream.provider, store, there, now)
        if added:
            await self._wait_for(there)
        return there

    async def _take_out(self, store: str, file_id: str) -> None:
        there = await self._database(upstream_mirrors.file_there, self._upstream.provider, file_id)
        if there is None:
            return
        delete = partial(self._upstream.store_files.delete, there, vector_store_id=store)
        try:
            await self._upstream.call(shapes.Named, delete)
        except UpstreamError as error:
            if error.status != 404:
                raise

    async def _wait_for(self, store: str) -> None:
        """Until the server has read all files of a store; what it cannot read is its matter."""
        until, pause = time.monotonic() + INGESTING_SECONDS, 0.2
        while time.monotonic() < until:
            asking = partial(self._upstream.stores.retrieve, store)
            answer = await self._upstream.call(shapes.VectorStore, asking)
            if not answer.value.file_counts.in_progress:
                return
            await asyncio.sleep(min(answer.poll_after or pause, LONGEST_PAUSE))
            pause = min(pause * 1.5, 5.0)

    # --- the assistant
    # --------------------------------------------------------------------------

    async def _assistant(self) -> None:
        """Give the assistant there the files and stores that were added to it here, besides those
        that it has from elsewhere.
        """
        home = await self._database(upstream_mirrors.home_of, self._run.assistant_id)
        if home is None:
            return
        resources = home.assistant.tool_resources
        is_new = home.given != resources
        if not is_new and not self._has_stores(resources):
            return
        if not home.given and not _names_any(resources):
            return
        found = await self._resources(resources)
        if not is_new:
            return
        upstream = self._upstream
        asking = partial(upstream.assistants.retrieve, home.upstream_id)
        told = (await upstream.call(shapes.WithResources, asking)).value.tool_resources
        ours = {await self._file(one) for one in _file_ids(home.given)}
        kept = [one for one in told.code_interpreter.file_ids if one not in ours]
        mine = found.get("code_interpreter", {}).get("file_ids", [])
        body: Wire = {"code_interpreter": {"file_ids": list(dict.fromkeys([*kept, *mine]))}}
        if "file_search" in found:
            body["file_search"] = found["file_search"]
        elif self._has_stores(home.given):
            body["file_search"] = {"vector_store_ids": []}
        update: Any = upstream.assistants.update
        asking = partial(update, home.upstream_id, tool_resources=body)
        await upstream.call(shapes.Named, asking)
        await self._database(upstream_mirrors.note_given, home, resources)


def _file_ids(resources: Wire) -> list[str]:
    return list(resources.get("code_interpreter", {}).get("file_ids", []))


def _names_any(resources: Wire) -> bool:
    stores = resources.get("file_search", {}).get("vector_store_ids", [])
    return bool(_file_ids(resources) or stores)


def with_key(metadata: Wire, key: str, value: str) -> Wire:
    """Metadata with one entry more, in the place of the last where there is no room."""
    kept = list(metadata.items())[: MAX_METADATA - 1]
    return {**dict(kept), key: value}

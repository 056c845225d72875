"""Which assistants and threads search a vector store, and giving it to more of them."""

from dataclasses import dataclass

from assistants.models import Assistant, Thread, VectorStore
from assistants.operations import assistants, threads
from assistants.params import AssistantUpdate, ThreadUpdate, validate

Owner = Assistant | Thread
"""Who can search a store. The API lets each name one."""


@dataclass(frozen=True, slots=True)
class Uses:
    assistants: list[Assistant]
    threads: list[Thread]

    @property
    def ids(self) -> set[str]:
        return {owner.id for owner in (*self.assistants, *self.threads)}


def uses(store: VectorStore) -> Uses:
    """Who searches the store, the newest first."""
    # The id is long and random, so that no other text holds it between quotes.
    naming = {"project": store.project, "tool_resources__icontains": f'"{store.id}"'}
    return Uses(
        list(Assistant.objects.filter(**naming).newest_first().only("name", "tool_resources")),
        list(Thread.objects.filter(**naming).newest_first().only("metadata", "opening")),
    )


def give(store: VectorStore, owner: Owner) -> None:
    """Let it search the store, and no other that it had: each has one. File search is switched on
    for an assistant that did not have it.

    :raises Invalid: the store has expired
    """
    store.check_not_expired()
    resources = {
        "file_search": {"vector_store_ids": [store.id]},
    }
    if isinstance(owner, Thread):
        threads.update(owner, validate(ThreadUpdate, {"tool_resources": resources}))
        return
    tools = owner.tools
    if not owner.has_tool("file_search"):
        tools = [*tools, {"type": "file_search"}]
    given = {"tools": tools, "tool_resources": resources}
    assistants.update(owner, validate(AssistantUpdate, given))

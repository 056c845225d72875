"""What an import brings or has brought, in words."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistants.operations.imports import Door
from playground import words


def counted(counts: Mapping[str, int]) -> str:
    """How many of each noun there are: "1 thread, 12 messages"."""

    def some(noun: str, count: int) -> str:
        match noun:
            case "thread":
                return ngettext("{n} thread", "{n} threads", count)
            case "message":
                return ngettext("{n} message", "{n} messages", count)
            case "run":
                return ngettext("{n} run", "{n} runs", count)
            case "run step":
                return ngettext("{n} run step", "{n} run steps", count)
            case "assistant":
                return ngettext("{n} assistant", "{n} assistants", count)
            case "vector store":
                return ngettext("{n} vector store", "{n} vector stores", count)
            case "vector store file":
                return ngettext("{n} file in stores", "{n} files in stores", count)
        return ngettext("{n} file", "{n} files", count)

    order = ("thread", "message", "run", "run step", "assistant", "file", "vector store")
    known = [noun for noun in (*order, "vector store file") if counts.get(noun)]
    return words.listed(some(noun, counts[noun]).format(n=counts[noun]) for noun in known)


def told(door: Door) -> str:
    """What has come through the door, and what has not."""
    parts = [_("Imported: {what}.").format(what=counted(door.brought))]
    if kept := len(door.kept):
        said = ngettext(
            "{n} object was here already and stays as it is.",
            "{n} objects were here already and stay as they are.",
            kept,
        )
        parts.append(said.format(n=kept))
    if gone := len(door.not_ended):
        said = ngettext(
            "{n} run had not ended and has failed here.",
            "{n} runs had not ended and have failed here.",
            gone,
        )
        parts.append(said.format(n=gone))
    if missing := len(door.missing):
        said = ngettext(
            "{n} file or vector store that tools could open has not come.",
            "{n} files or vector stores that tools could open have not come.",
            missing,
        )
        parts.append(said.format(n=missing))
    return " ".join(parts)

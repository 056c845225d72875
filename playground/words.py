"""The API's own words as a person reads them: ``in_progress`` is "In progress"."""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_noop as _

TABLES: Final = (".csv", ".tsv", ".xls", ".xlsx", ".ods")

WORDS: Final = {
    # How runs, steps, messages and files stand.
    "queued": _("Queued"),
    "in_progress": _("In progress"),
    "requires_action": _("Requires action"),
    "completed": _("Completed"),
    "failed": _("Failed"),
    "incomplete": _("Incomplete"),
    "cancelling": _("Cancelling"),
    "cancelled": _("Cancelled"),
    "expired": _("Expired"),
    # Tools, and how one is chosen.
    "code_interpreter": _("Code interpreter"),
    "file_search": _("File search"),
    "function": _("Function"),
    "auto": _("Auto"),
    "none": _("None"),
    "required": _("Required"),
    # What members of a project are.
    "owner": _("Owner"),
    "editor": _("Editor"),
    "viewer": _("Viewer"),
    # What files are for.
    "assistants": _("Assistants"),
    "assistants_output": _("Assistants output"),
    "batch": _("Batch"),
    "batch_output": _("Batch output"),
    "fine-tune": _("Fine-tune"),
    "vision": _("Vision"),
    "user_data": _("User data"),
    "evals": _("Evals"),
    # What a run may be given otherwise than its assistant.
    "model": _("Model"),
    "instructions": _("Instructions"),
    "additional_instructions": _("Additional instructions"),
    "tools": _("Tools"),
    "tool_choice": _("Tool choice"),
    "parallel_tool_calls": _("Parallel tool calls"),
    "response_format": _("Response format"),
    "reasoning_effort": _("Reasoning effort"),
    "temperature": _("Temperature"),
    "top_p": _("Top P"),
    "max_prompt_tokens": _("Max prompt tokens"),
    "max_completion_tokens": _("Max completion tokens"),
    "truncation_strategy": _("Truncation strategy"),
    "metadata": _("Metadata"),
    # The tabs of the inspector.
    "steps": _("Steps"),
    "events": _("Events"),
    "code": _("Code"),
    "usage": _("Usage"),
    # The parts of this installation.
    "web": _("Web"),
    "database": _("Database"),
    "redis": _("Redis"),
    "worker": _("Worker"),
    "interpreter": _("Interpreter"),
    # The walls around code.
    "sandbox": _("Sandbox"),
    "files": _("Files"),
    "environment": _("Environment"),
    "processes": _("Processes"),
    "network": _("Network"),
    "system calls": _("System calls"),
    "privileges": _("Privileges"),
    "limits": _("Limits"),
    "user": _("User"),
    "outputs": _("Outputs"),
    "watch": _("Watch"),
    "cgroup": _("Cgroup"),
}


def word(value: str) -> str:
    """The word in the reader's language; one that is not known here as it is, without its lines."""
    known = WORDS.get(value)
    return gettext(known) if known else value.replace("_", " ").capitalize()


def within(value: str) -> str:
    """The word within a sentence or a list: "in progress", "web"."""
    said = word(value)
    return said[:1].lower() + said[1:] if said.isascii() else said


def listed(names: Iterable[str]) -> str:
    """ "a, b": with the comma of the language."""
    # Translators: stands between the things of a list.
    return pgettext("list", ", ").join(names)


def tail(object_id: str) -> str:
    """The end of an id, which tells it from others beside a name."""
    return f"…{object_id[-4:]}"


def unshowable() -> str:
    """That a file is no image, whose name says that it is one."""
    return gettext("is no image that can be shown, though its name says so")


def unsearchable(filename: str) -> str:
    """That file search takes no file of this name, and what to do about it."""
    if PurePath(filename).suffix.lower() in TABLES:
        return gettext("cannot be searched; the code interpreter opens tables")
    return gettext("cannot be searched; save it as PDF, Word or text, and add that")

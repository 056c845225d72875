"""What is noted (``assistants.operations.audit``) as people read it, one sentence a kind."""

import re
from datetime import date
from typing import Any, Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from assistants.models import AuditEntry
from playground import words

WORDS: Final = {
    "assistant.created": _("Created an assistant"),
    "assistant.changed": _("Changed an assistant"),
    "assistant.deleted": _("Deleted an assistant"),
    "assistant.exported": _("Exported an assistant"),
    "thread.created": _("Created a thread"),
    "thread.changed": _("Changed a thread"),
    "thread.deleted": _("Deleted a thread"),
    "thread.exported": _("Exported a thread"),
    "message.changed": _("Changed a message"),
    "message.deleted": _("Deleted a message"),
    "message.restored": _("Put a message back"),
    "run.cancelled": _("Cancelled a run"),
    "file.created": _("Uploaded a file"),
    "file.deleted": _("Deleted a file"),
    "vector_store.created": _("Created a vector store"),
    "vector_store.changed": _("Changed a vector store"),
    "vector_store.deleted": _("Deleted a vector store"),
    "vector_store.files_added": _("Added files to a vector store"),
    "vector_store.files_changed": _("Changed attributes of a file in a vector store"),
    "vector_store.files_removed": _("Removed files from a vector store"),
    "vector_store.batch_cancelled": _("Cancelled a file batch"),
    "provider.created": _("Connected a model server"),
    "provider.changed": _("Changed a model server"),
    "provider.deleted": _("Removed a model server"),
    "alias.set": _("Set an alias"),
    "alias.deleted": _("Removed an alias"),
    "key.created": _("Made an API key"),
    "key.changed": _("Changed an API key"),
    "key.revoked": _("Revoked an API key"),
    "thread.imported": _("Imported a thread"),
    "assistant.imported": _("Imported an assistant"),
    "file.imported": _("Imported a file"),
    "vector_store.imported": _("Imported a vector store"),
    "import.begun": _("Began to import from another server"),
    "import.stopped": _("Stopped an import"),
    "import.resumed": _("Went on with an import"),
    "share.created": _("Shared a thread by a link"),
    "share.changed": _("Changed a share link"),
    "share.revoked": _("Revoked a share link"),
    "share.refused": _("Tried a wrong password at a share link"),
    "project.created": _("Made the project"),
    "project.renamed": _("Renamed the project"),
    "project.deleted": _("Deleted the project"),
    "invitation.created": _("Invited somebody"),
    "invitation.revoked": _("Took an invitation back"),
    "member.joined": _("Joined the project"),
    "member.changed": _("Changed a member’s role"),
    "member.removed": _("Removed a member"),
    "member.left": _("Left the project"),
    "person.signed_in": _("Signed in"),
    "person.refused": _("Was refused at the sign-in"),
    "person.signed_out_everywhere": _("Signed out everywhere"),
    "person.password_changed": _("Changed a password"),
    "person.renamed": _("Changed a name"),
    "person.reactivated": _("Let somebody sign in again"),
    "project.budget_changed": _("Changed the project’s budget"),
    "audit.exported": _("Exported the audit log"),
}

DETAILS: Final = {
    "address": _("Address"),
    "after": _("After"),
    "assistants": _("Assistants"),
    "audience": _("Readers"),
    "batch": _("File batch"),
    "before": _("Before"),
    "bytes": _("Bytes"),
    "copy_of": _("Copy of"),
    "day_tokens": _("Tokens a day"),
    "expires": _("Expires"),
    "fields": _("Changed"),
    "files": _("Files"),
    "format": _("Format"),
    "hint": _("Key"),
    "invitation": _("Invitation"),
    "model": _("Model"),
    "month_tokens": _("Tokens a month"),
    "other_key": _("Another key"),
    "role": _("Role"),
    "scope": _("Scope"),
    "steps": _("Steps"),
    "thread": _("Thread"),
    "threads": _("Threads"),
    "vector_stores": _("Vector stores"),
    "way": _("By way of"),
}
"""What the details of an entry are called."""

FIELDS: Final = {
    "description": _("Description"),
    "expires_after": _("Expiry"),
    "name": _("Name"),
    "tool_resources": _("Files of tools"),
}
"""Fields of objects that have no word in ``words``."""

VALUES: Final = {
    "audience": {
        "link": _("Anyone with the link"),
        "people": _("People who are named"),
        "project": _("People of this project"),
    },
    "format": {"json": "JSON", "markdown": "Markdown", "notebook": "Notebook", "page": _("Page")},
    "role": {
        "assistant": _("Assistant"),
        "editor": _("Editor"),
        "owner": _("Owner"),
        "user": _("User"),
        "viewer": _("Viewer"),
    },
    "scope": {"all": _("Everything"), "read": _("Reading only"), "runs": _("Runs only")},
    "way": {
        "account": _("The account page"),
        "invitation": _("Invitation"),
        "link": _("Sign-in link"),
        "password": _("Password"),
        "provider": _("Identity provider"),
    },
}
"""Words of the service among the details, by the name of the detail."""

ROLE_BEFORE: Final = ("member.changed", "before")
"""Elsewhere, what was before is a name."""

_MORE: Final = re.compile(r"… (\d+) more")
"""What stands for the rest of a long list."""


def who(entry: AuditEntry) -> str:
    """The name of who did it, in the reader's language where it is nobody in particular."""
    if entry.actor_name:
        return entry.actor_name
    return gettext("A guest") if entry.actor_kind == "guest" else gettext("The service")


def details(entry: AuditEntry) -> list[tuple[str, str]]:
    """Name and value of each detail, in the reader's language."""
    return [
        (
            gettext(DETAILS[name]) if name in DETAILS else words.word(name),
            _told("role" if (entry.action, name) == ROLE_BEFORE else name, value),
        )
        for name, value in entry.details.items()
    ]


def _told(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    if isinstance(value, list):
        return words.listed(_told(name, one) for one in value)
    text = str(value)
    if more := _MORE.fullmatch(text):
        return ngettext("{n} more", "{n} more", int(more[1])).format(n=more[1])
    if name == "fields":
        return gettext(FIELDS[text]) if text in FIELDS else words.word(text)
    if name == "expires":
        return _day(text)
    known = VALUES.get(name, {}).get(text)
    return gettext(known) if known else text


def _day(text: str) -> str:
    try:
        return date_format(date.fromisoformat(text))
    except ValueError:
        return text


def sentence(action: str) -> str:
    """The words in the reader's language; what is not known here as it is."""
    known = WORDS.get(action)
    return gettext(known) if known else action

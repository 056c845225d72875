"""What is noted (``assistants.operations.audit``) as people read it, one sentence a kind."""

from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

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


def sentence(action: str) -> str:
    """The words in the reader's language; what is not known here as it is."""
    known = WORDS.get(action)
    return gettext(known) if known else action

"""Who is answered what, at every address. A new address fails the suite until it stands here.

An answer is the status, or "sign in" where one is led to the sign-in page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.matrix.world import CALLERS, MEMBERS

Answers = Mapping[str, int | str]
Ids = Mapping[str, str]

SIGN_IN: Final = "sign in"


@dataclass(frozen=True)
class Row:
    """An address, a method, what is sent, and the answer for each caller.

    :param needs: names of ids for the query; the address has its own
    """

    name: str
    method: str
    answers: Answers
    data: Callable[[Ids], dict[str, Any]] = field(default=lambda ids: {})
    query: Callable[[Ids], dict[str, str]] = field(default=lambda ids: {})

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


def nothing(_ids: Ids) -> dict[str, Any]:
    return {}


def _page(owner: int, editor: int, viewer: int, stranger: int) -> Answers:
    """A page: for people who are signed in. A key or a link opens none."""
    signed_in = dict(zip((*MEMBERS, "stranger"), (owner, editor, viewer, stranger), strict=True))
    return {caller: signed_in.get(caller, SIGN_IN) for caller in CALLERS}


def _everybody(answer: int) -> Answers:
    return dict.fromkeys(CALLERS, answer)


def _look(name: str, ok: int = 200, query: Callable[[Ids], dict[str, str]] = nothing) -> Row:
    """What every member may see of something that strangers do not know."""
    return Row(name, "get", _page(ok, ok, ok, 404), query=query)


def _own(name: str, ok: int = 200, query: Callable[[Ids], dict[str, str]] = nothing) -> Row:
    """What shows everybody their own project."""
    return Row(name, "get", _page(ok, ok, ok, ok), query=query)


def _change(name: str, ok: int = 302, data: Callable[[Ids], dict[str, Any]] = nothing) -> Row:
    """What editors may change of something that strangers do not know."""
    return Row(name, "post", _page(ok, ok, 403, 404), data)


def _make(name: str, ok: int = 302, data: Callable[[Ids], dict[str, Any]] = nothing) -> Row:
    """What editors may add to their project, and strangers to theirs."""
    return Row(name, "post", _page(ok, ok, 403, ok), data)


def _nowhere(name: str, method: str) -> Row:
    """A method that the address does not have."""
    return Row(name, method, _page(405, 405, 405, 405))


def _linked(name: str, ok: int, method: str = "get", /, **data: str) -> Row:
    """What whoever has the link is shown, signed in or not, until it is revoked."""
    return Row(name, method, {**_everybody(ok), "revoked_link": 410}, lambda ids: dict(data))


def _form(name: str, ok: int = 200) -> Row:
    """The page of a form that viewers have no use for, each in their own project."""
    return Row(name, "get", _page(ok, ok, 403, ok))


def _owned(name: str, method: str, ok: int, /, **data: str) -> Row:
    """What owners do with what strangers do not know."""
    return Row(name, method, _page(ok, 403, 403, 404), lambda ids: dict(data))


SHARED: Final = {"audience": "link", "shows": "live", "expires": "week"}

PAGES: Final = (
    Row("home", "get", _page(302, 302, 302, 302)),
    _nowhere("home", "post"),
    Row("login", "get", {**_everybody(200), **dict.fromkeys((*MEMBERS, "stranger"), 302)}),
    Row(
        "login",
        "post",
        {**_everybody(403), **dict.fromkeys((*MEMBERS, "stranger"), 302)},
        lambda ids: {"token": "guessed"},
    ),
    Row("logout", "get", _everybody(405)),
    Row("logout", "post", _everybody(302)),
    Row("theme", "get", _everybody(405)),
    Row("theme", "post", _everybody(302), lambda ids: {"theme": "dark"}),
    Row("set_language", "get", _everybody(302)),
    Row("set_language", "post", _everybody(302), lambda ids: {"language": "en"}),
    _own("assistants"),
    _nowhere("assistants", "post"),
    _form("assistant-new"),
    _make("assistant-new", 422),  # who is let in is told what is missing
    _form("assistant-import"),
    _make("assistant-import", 422),
    _look("assistant"),
    _change("assistant", 422),
    _look("assistant-delete"),
    _change("assistant-delete"),
    _look("assistant-instructions"),
    _change("assistant-instructions", 422),
    _look("assistant-export"),
    _nowhere("assistant-export", "post"),
    _nowhere("assistant-duplicate", "get"),
    _change("assistant-duplicate"),
    _look("searched-files"),
    _nowhere("searched-files", "post"),
    _look("inspect-new", 302),
    _nowhere("inspect-new", "post"),
    _own("threads"),
    _nowhere("threads", "post"),
    _own("run-limits"),
    _nowhere("run-limits", "post"),
    _form("thread-new"),
    _nowhere("thread-new", "post"),
    _own("thread-create", 302),
    _make("thread-create", 302, lambda ids: {"content": "Hello"}),
    Row(
        "thread-create",
        "post",
        _page(302, 302, 403, 404),
        lambda ids: {"content": "Hello", "assistant_id": ids["assistant_id"]},
    ),
    _look("thread"),
    _nowhere("thread", "post"),
    _look("thread-earlier", 302),
    _nowhere("thread-earlier", "post"),
    _look("thread-rename"),
    _change("thread-rename", 302, lambda ids: {"title": "Renamed"}),
    _look("thread-delete"),
    _change("thread-delete"),
    _look("thread-events"),
    _nowhere("thread-events", "post"),
    _look("thread-messages", 302),
    _change("thread-messages", 302, lambda ids: {"content": "More"}),
    _look("message-text"),
    _nowhere("message-text", "post"),
    _look("message-edit"),
    _change("message-edit", 302, lambda ids: {"content": "Other words"}),
    _look("message-delete"),
    _change("message-delete"),
    Row("run-cancel", "get", _page(302, 302, 403, 404)),
    _change("run-cancel"),
    _look("run-outputs", 302),
    _change("run-outputs", 422),  # it waits for none
    _look("run-regenerate", 302),
    _change("run-regenerate", 422),  # it has said nothing
    _look("inspect", 302),
    _nowhere("inspect", "post"),
    _look("inspect-events", 302),
    _nowhere("inspect-events", "post"),
    _look("inspect-raw"),
    _nowhere("inspect-raw", "post"),
    _own("files"),
    _make("files", 422),
    _look("file-content"),
    _nowhere("file-content", "post"),
    _look("file-text"),
    _nowhere("file-text", "post"),
    _look("file-delete"),
    _change("file-delete"),
    _nowhere("file-discard", "get"),
    _change("file-discard", 204),
    _own("vector-stores"),
    _nowhere("vector-stores", "post"),
    _form("vector-store-new"),
    _make("vector-store-new", 302, lambda ids: {"name": "New"}),
    _look("vector-store"),
    _nowhere("vector-store", "post"),
    _look("vector-store-files"),
    _change("vector-store-files", 302),
    _nowhere("vector-store-remove", "get"),
    _change("vector-store-remove"),
    _nowhere("vector-store-expiry", "get"),
    _change("vector-store-expiry", 302, lambda ids: {"days": "7"}),
    _nowhere("vector-store-use", "get"),
    _change("vector-store-use", 302, lambda ids: {"owner": ids["assistant_id"]}),
    _look("vector-store-rename"),
    _change("vector-store-rename", 302, lambda ids: {"title": "Renamed"}),
    _look("vector-store-delete"),
    _change("vector-store-delete"),
    _own("settings"),
    _nowhere("settings", "post"),
    Row("provider-new", "get", _page(200, 403, 403, 200)),
    Row("provider-new", "post", _page(422, 403, 403, 422)),
    Row("provider", "get", _page(200, 403, 403, 404)),
    Row("provider", "post", _page(422, 403, 403, 404)),
    Row("provider-remove", "get", _page(200, 403, 403, 404)),
    Row("provider-remove", "post", _page(302, 403, 403, 404)),
    _own("alias-set", 302),
    Row("alias-set", "post", _page(302, 403, 403, 302), lambda ids: {"name": "a", "model": "demo"}),
    _nowhere("alias-delete", "get"),
    Row("alias-delete", "post", _page(302, 403, 403, 302)),
    _own("key-create", 302),
    Row("key-create", "post", _page(200, 403, 403, 200), lambda ids: {"name": "New"}),
    Row("key-revoke", "get", _page(200, 403, 403, 404)),
    Row("key-revoke", "post", _page(302, 403, 403, 404)),
    Row("oidc", "get", _everybody(404)),  # off unless OIDC_ISSUER is set
    Row("oidc", "post", _everybody(405)),
    Row("oidc-callback", "get", _everybody(404)),
    Row("oidc-callback", "post", _everybody(405)),
    Row("join", "get", _everybody(200)),
    # Who is a member is told so; the stranger joins; the others are told what is missing.
    Row("join", "post", {**_everybody(200), **dict.fromkeys(MEMBERS, 422), "stranger": 302}),
    _own("account"),
    Row("account", "post", _page(302, 302, 302, 302), lambda ids: {"first_name": "Mei"}),
    _own("password", 302),
    Row("password", "post", _page(422, 422, 422, 422)),
    _nowhere("session-end", "get"),
    Row("session-end", "post", _page(302, 302, 302, 302)),
    _nowhere("sessions-end", "get"),
    Row("sessions-end", "post", _page(302, 302, 302, 302)),
    # Who owns no project would spend the server's key for models in one of their own.
    Row("project-new", "get", _page(200, 403, 403, 200)),
    Row("project-new", "post", _page(302, 403, 403, 302), lambda ids: {"name": "New"}),
    _nowhere("project-choose", "get"),
    Row(
        "project-choose",
        "post",
        _page(302, 302, 302, 404),
        lambda ids: {"project_id": ids["project_id"]},
    ),
    _look("project"),
    _owned("project", "post", 302, name="Renamed"),
    _owned("project-delete", "get", 200),
    _owned("project-delete", "post", 422),
    _look("project-leave"),
    Row("project-leave", "post", _page(302, 302, 302, 404)),
    _owned("invite", "get", 302),
    _owned("invite", "post", 200, role="viewer"),
    Row("invitation-revoke", "get", _page(405, 405, 405, 405)),
    _owned("invitation-revoke", "post", 302),
    Row("member-role", "get", _page(405, 405, 405, 405)),
    _owned("member-role", "post", 302, role="viewer"),
    _owned("member-remove", "get", 200),
    _owned("member-remove", "post", 302),
    _own("thread-import"),
    _make("thread-import", 422),
    _look("thread-export"),
    _nowhere("thread-export", "post"),
    _look("thread-download", 302),
    _nowhere("thread-download", "post"),
    _look("thread-print"),
    _nowhere("thread-print", "post"),
    Row("file-large", "get", _page(404, 404, 404, 404)),  # it is no image
    _nowhere("file-large", "post"),
    Row("thread-shares", "get", _page(200, 200, 403, 404)),
    _change("thread-shares", 302, lambda ids: SHARED),
    _form("shares"),
    _nowhere("shares", "post"),
    _form("shares-revoke"),
    _make("shares-revoke"),
    Row("share", "get", _page(200, 200, 403, 404)),
    _change("share", 302, lambda ids: SHARED),
    _nowhere("share-revoke", "get"),
    _change("share-revoke"),
    _linked("shared", 200),
    _linked("shared", 405, "post"),
    _linked("shared-earlier", 404),  # nothing is earlier
    _linked("shared-earlier", 405, "post"),
    _linked("shared-events", 200),
    _linked("shared-events", 405, "post"),
    _linked("shared-file", 404),  # it does not stand in the thread
    _linked("shared-file", 405, "post"),
    _linked("shared-large", 404),
    _linked("shared-large", 405, "post"),
    _linked("shared-passage", 404),
    _linked("shared-passage", 405, "post"),
    Row("shared-password", "get", _everybody(405)),
    _linked("shared-password", 302, "post", password="guessed"),
    Row("shared-preferences", "get", _everybody(405)),
    _linked("shared-preferences", 302, "post", theme="dark"),
    Row("shared-copy", "get", {**_page(200, 200, 200, 200), "revoked_link": 410}),
    Row(
        "shared-copy",
        "post",
        # Into a project that they may write in.
        {**_page(302, 302, 404, 404), "revoked_link": 410},
        lambda ids: {"project": ids["project_id"]},
    ),
    _look("provider-import"),
    _change("provider-import", 422),
    _look("upstream-import"),
    _nowhere("upstream-import", "post"),
    _nowhere("upstream-import-stop", "get"),
    _change("upstream-import-stop"),
    _nowhere("upstream-import-resume", "get"),
    _change("upstream-import-resume"),
    Row("audit", "get", _page(200, 403, 403, 200)),
    _nowhere("audit", "post"),
    Row("audit-export", "get", _page(200, 403, 403, 200)),
    _nowhere("audit-export", "post"),
    Row("budget", "get", _page(302, 403, 403, 302)),
    Row("budget", "post", _page(302, 403, 403, 302)),
    Row("key", "get", _page(200, 403, 403, 404)),
    Row("key", "post", _page(302, 403, 403, 404), lambda ids: {"scope": "read"}),
    _own("shortcuts"),
    _nowhere("shortcuts", "post"),
    _own("styleguide"),
    _nowhere("styleguide", "post"),
    _own("health-strip"),
    _nowhere("health-strip", "post"),
    Row("healthz", "get", _everybody(503)),  # in these tests nothing runs
    Row("readyz", "get", _everybody(200)),
    Row("metrics", "get", _everybody(404)),  # off unless METRICS_TOKEN is set
)


def _key(own: int, other: int) -> Answers:
    """The API: for keys alone. Who is signed in as a person is nobody there."""
    return {**_everybody(401), "own_key": own, "other_key": other}


def _known(name: str, ok: int = 200, data: Callable[[Ids], dict[str, Any]] = nothing) -> Row:
    """What names an object of the project, which no other key knows."""
    return Row(name, "", _key(ok, 404), data)


def _of_ones_own(name: str, ok: int = 200, data: Callable[[Ids], dict[str, Any]] = nothing) -> Row:
    """What every key can ask for in its own project."""
    return Row(name, "", _key(ok, ok), data)


HELLO: Final = {"role": "user", "content": "Hello"}

OPERATIONS: Final = (
    _known("create_thread_and_run", 200, lambda ids: {"assistant_id": ids["assistant_id"]}),
    _known("create_run", 200, lambda ids: {"assistant_id": ids["assistant_id"]}),
    _known("list_runs"),
    _known("get_run"),
    _known("modify_run"),
    _known("cancel_run", 400),  # it has ended already
    _known("submit_tool_outputs", 400, lambda ids: {"tool_outputs": []}),
    _known("list_run_steps"),
    _known("get_run_step"),
    _known("create_message", 200, lambda ids: HELLO),
    _known("list_messages"),
    _known("get_message"),
    _known("modify_message"),
    _known("delete_message"),
    _known("create_assistant_file", 200, lambda ids: {"file_id": ids["file_id"]}),
    _known("list_assistant_files"),
    _known("get_assistant_file", 404),  # it has none
    _known("delete_assistant_file", 404),
    _known("list_message_files"),
    _known("get_message_file", 404),
    _of_ones_own("create_thread"),
    _known("get_thread"),
    _known("modify_thread"),
    _known("delete_thread"),
    _of_ones_own("create_assistant", 200, lambda ids: {"model": "demo"}),
    _of_ones_own("list_assistants"),
    _known("get_assistant"),
    _known("modify_assistant", 200, lambda ids: {"name": "Renamed"}),
    _known("delete_assistant"),
    _of_ones_own("create_file", 400),  # nothing was sent
    _of_ones_own("list_files"),
    _known("get_file"),
    _known("delete_file"),
    _known("get_file_content"),
    _known("create_vector_store_file", 200, lambda ids: {"file_id": ids["file_id"]}),
    _known("list_vector_store_files"),
    _known("get_vector_store_file"),
    _known("modify_vector_store_file", 200, lambda ids: {"attributes": {"a": "b"}}),
    _known("delete_vector_store_file"),
    _known("get_vector_store_file_content"),
    _known("create_file_batch", 200, lambda ids: {"file_ids": [ids["file_id"]]}),
    _known("get_file_batch"),
    _known("cancel_file_batch"),
    _known("list_files_in_file_batch"),
    _of_ones_own("create_vector_store"),
    _of_ones_own("list_vector_stores"),
    _known("get_vector_store"),
    _known("modify_vector_store", 200, lambda ids: {"name": "Renamed"}),
    _known("delete_vector_store"),
    _known("search_vector_store", 200, lambda ids: {"query": "bread"}),
    _of_ones_own("list_models"),
    _of_ones_own("get_model"),
    _of_ones_own("delete_model", 400),  # the demo model is no one's to delete
)
"""By the names of the operations, which have their methods."""

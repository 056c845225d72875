"""Projects, and the API keys that open them."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from assistants import acting, doorbell, refusals
from assistants.events import signals
from assistants.models import (
    ApiKey,
    Assistant,
    AuditEntry,
    File,
    ImportItem,
    ImportPage,
    ImportStatus,
    Invitation,
    Membership,
    Project,
    Role,
    Run,
    Scope,
    Thread,
    TokenUse,
    UpstreamImport,
    VectorStore,
    clock,
)
from assistants.operations import audit, budgets, files, shares, threads, vector_stores

DEFAULT_NAME = "Default project"
MAX_NAME = 256
"""Characters of the name of a project or a key."""
MAX_DAYS = 3650
"""After so many days a key expires, at the latest, if it does at all."""
USED_RESOLUTION = timedelta(minutes=1)
AT_ONCE = 100
"""So many objects of a deleted project are read at a time."""
ROWS_AT_ONCE = 500
"""So many of its other rows are deleted in one transaction."""
PIECE_SECONDS = 2.0
"""After so long others have their turn before more of a deleted project goes."""


@transaction.atomic
def ensure_default_project() -> Project:
    """The project that exists from the first start on."""
    project = Project.objects.oldest_first().first()
    if project is None and connection.vendor == "postgresql":
        # Several hosts may start at once. On SQLite the transaction holds the lock already.
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(Project._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        project = Project.objects.oldest_first().first()
    return project or Project.objects.create(name=DEFAULT_NAME)


@transaction.atomic
def create(name: str, user_id: int) -> Project:
    """A new project, which the user owns.

    :raises Invalid: the name is empty or too long
    """
    project = Project.objects.create(name=_checked(name))
    add_member(project, user_id, Role.OWNER)
    audit.note("project.created", project, project)
    return project


@transaction.atomic
def rename(project: Project, name: str) -> None:
    """
    :raises Invalid: the name is empty or too long
    """
    before, project.name = project.name, _checked(name)
    project.save(update_fields=["name"])
    audit.note("project.renamed", project, project, before=before)


def check_deletable(project: Project) -> None:
    """
    :raises Invalid: it is the one that the server begins with
    """
    if project == Project.objects.oldest_first().first():
        raise refusals.FIRST_PROJECT(name=project.name)


@transaction.atomic
def delete(project: Project) -> None:
    """From now on nothing leads into the project: it has no members, keys and links any more, and
    runs that are active are stopped. What is in it goes bit by bit, in a worker: all at once would
    hold up every other writer.

    :raises Invalid: it is the one that the server begins with
    """
    check_deletable(project)
    # It goes with the project's other entries; what stays is the line in AUDIT_LOG.
    audit.note("project.deleted", project, project)
    Project.objects.filter(pk=project.pk).update(deleted_at=clock.now())
    shares.revoke_all(project)
    for opens in (Membership, Invitation, ApiKey):
        opens.objects.filter(project=project).delete()
    coming = UpstreamImport.objects.in_project(project).going_on()
    coming.update(status=ImportStatus.CANCELLED, ended_at=clock.now(), lease="")
    signals.ring(signals.members_of(project.pk))
    running = Run.objects.active().filter(thread__project=project).values("thread")
    for thread in Thread.objects.filter(pk__in=running):
        threads.delete(thread)
    doorbell.ring(doorbell.DELETE_PROJECT, project.pk)


def delete_some(project_id: str) -> bool:
    """Delete some of what is in a project that was deleted, each object, or some rows, in a
    transaction of their own, and the project last; whether anything is left. Doing it twice does
    no harm.
    """
    begun = Project.objects.filter(pk=project_id).exclude(deleted_at=None)
    if not begun.update(deleted_at=clock.now()):
        return False
    project = begun.get()
    until = time.monotonic() + PIECE_SECONDS
    for some, delete_one in _pieces(project):
        for one in some:
            delete_one(one)
            if time.monotonic() > until:
                doorbell.ring(doorbell.DELETE_PROJECT, project_id)
                return True
    with transaction.atomic():
        # Whoever was about to insert something has done so by now, or cannot any more.
        Project.objects.select_for_update().get(pk=project_id)
        if next(_pieces(project), None) is not None:
            doorbell.ring(doorbell.DELETE_PROJECT, project_id)
            return True
        project.delete()
    return False


def ring_again() -> int:
    """Ring for projects that were deleted and that nobody is at. Returns how many."""
    left = Project.objects.filter(deleted_at__lt=clock.now() - doorbell.UNHEARD)
    ids = list(left.values_list("pk", flat=True)[:100])
    for project_id in ids:
        doorbell.ring(doorbell.DELETE_PROJECT, project_id)
    return len(ids)


def _pieces(project: Project) -> Iterator[tuple[list[Any], Callable[[Any], None]]]:
    kinds: tuple[tuple[Any, Callable[[Any], None]], ...] = (
        (Thread, threads.delete),
        (VectorStore, vector_stores.delete),
        (File, files.delete),
    )
    for kind, delete_one in kinds:
        while some := list(kind.objects.in_project(project)[:AT_ONCE]):
            yield some, delete_one
    # What the deletions above have noted goes too, so these come after.
    rows: tuple[QuerySet[Any], ...] = (
        ImportPage.objects.filter(item__job__project=project),
        ImportItem.objects.filter(job__project=project),
        Assistant.objects.in_project(project),
        AuditEntry.objects.in_project(project),
        TokenUse.objects.in_project(project.pk),
    )
    for found in rows:
        while keys := list(found.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
            yield [found.model._default_manager.filter(pk__in=keys)], _delete_rows


@transaction.atomic
def _delete_rows(rows: "QuerySet[Any]") -> None:
    """The rows, and what hangs on them."""
    rows.delete()


def _checked(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise refusals.PROJECT_NAME_LENGTH(limit=MAX_NAME)
    return name


def add_member(project: Project, user_id: int, role: Role) -> Membership:
    """From now on the user works in the project; nothing changes for one who does already."""
    member, _made = Membership.objects.get_or_create(
        project=project, user_id=user_id, defaults={"role": role}
    )
    return member


@transaction.atomic
def create_api_key(
    project: Project, name: str, scope: str = Scope.ALL, expires_days: int | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and never again.

    :param scope: one of ``Scope``
    :param expires_days: after so many days it opens nothing any more; None for never
    :raises Invalid: the name is empty or too long, there is no such scope, or the days are none
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise refusals.KEY_NAME_LENGTH(limit=MAX_NAME)
    _check_scope(scope)
    if expires_days is not None and not 0 < expires_days <= MAX_DAYS:
        raise refusals.KEY_EXPIRY(limit=MAX_DAYS)
    expires_at = None if expires_days is None else clock.now() + timedelta(days=expires_days)
    secret = ApiKey.new_secret()
    key = ApiKey.objects.create(
        project=project,
        name=name,
        author=acting.current().kept,
        digest=ApiKey.digest_of(secret),
        hint=f"{secret[:5]}…{secret[-4:]}",
        scope=scope,
        expires_at=expires_at,
    )
    until = expires_at.date() if expires_at else None
    audit.note("key.created", project, key, hint=key.hint, scope=key.scope, expires=until)
    return key, secret


@transaction.atomic
def change_api_key(key: ApiKey, scope: str, day: int | None, month: int | None) -> ApiKey:
    """Let the key do something else, and use so many tokens; what it has begun goes on.

    :param day: and ``month``: how many tokens its runs may use; None for as many as they like
    :raises Invalid: there is no such scope, a budget is below zero or absurdly large, or the key
        opens nothing any more
    """
    _check_scope(scope)
    budgets.check_limits(day, month)
    row = ApiKey.objects.select_for_update().get(pk=key.pk)
    if not row.is_usable:
        raise refusals.KEY_OVER()
    row.scope, row.day_tokens, row.month_tokens = scope, day, month
    row.save(update_fields=["scope", "day_tokens", "month_tokens"])
    audit.note("key.changed", row.project_id, row, scope=scope, day_tokens=day, month_tokens=month)
    return row


def _check_scope(scope: str) -> None:
    if scope not in Scope.values:
        raise refusals.KEY_SCOPE(scopes=refusals.Listed(Scope.values))


@transaction.atomic
def revoke_api_key(key: ApiKey) -> None:
    """From now on the key opens nothing; its row stays as a record."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now()):
        audit.note("key.revoked", key.project_id, key, hint=key.hint)


def usable_keys_by(project_id: str, user_id: int) -> list[ApiKey]:
    """The keys of the project that this person has made and that still open something."""
    usable = ApiKey.objects.filter(project=project_id).usable()
    return [key for key in usable if key.maker_id == user_id]


@transaction.atomic
def revoke_keys_by(project_id: str, user_id: int) -> None:
    """Revoke every key of the project that this person has made."""
    for key in usable_keys_by(project_id, user_id):
        revoke_api_key(key)


def note_use(key: ApiKey) -> None:
    """Remember that the key was used, at most once a minute."""
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at > USED_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)

"""Projects and the API keys that open them."""

from datetime import timedelta

from django.db import connection, transaction

from assistants import refusals
from assistants.models import ApiKey, Membership, Project, Role, clock

DEFAULT_NAME = "Default project"
MAX_NAME = 256
"""Characters of a key's name."""
USED_RESOLUTION = timedelta(minutes=1)


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


def add_member(project: Project, user_id: int, role: Role) -> Membership:
    """From now on the user works in the project; nothing changes for one who does already."""
    member, _made = Membership.objects.get_or_create(
        project=project, user_id=user_id, defaults={"role": role}
    )
    return member


def create_api_key(project: Project, name: str) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and never again.

    :raises Invalid: the name is empty or too long
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise refusals.KEY_NAME_LENGTH(limit=MAX_NAME)
    secret = ApiKey.new_secret()
    key = ApiKey.objects.create(
        project=project,
        name=name,
        digest=ApiKey.digest_of(secret),
        hint=f"{secret[:5]}…{secret[-4:]}",
    )
    return key, secret


def revoke_api_key(key: ApiKey) -> None:
    """From now on the key opens nothing; its row stays as a record."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now())


def note_use(key: ApiKey) -> None:
    """Remember that the key was used, at most once a minute."""
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at > USED_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)

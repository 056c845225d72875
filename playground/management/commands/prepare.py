"""``manage.py prepare``: what has to be there before the processes start. ``make run`` calls it."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import redis
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from assistants import workers
from assistants.models import ApiKey
from assistants.operations import indexes, people, projects
from playground import redis_server, tables

KEEP_UPLOADS_SECONDS: Final = 24 * 3600
PREPARING: Final = 0x70726570
"""The number of PostgreSQL's lock that who prepares the database holds."""


class Command(BaseCommand):
    """Database, static files, translations, a login token.

    Prints one line of JSON: ``login_token`` (null when PLAYGROUND_LOGIN_TOKEN is set) and
    ``has_api_key`` (false the first time, unless PLAYGROUND_API_KEY is set). Does nothing twice.
    """

    help = "Makes database, static files and a login token ready."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        self.check_redis()
        self.check_files()
        self.migrate()
        if not settings.HAS_ASSETS:
            call_command("assets")
        self.clear_uploads()
        told = {"login_token": self.login_token(), "has_api_key": self.has_api_key()}
        self.stdout.write(json.dumps(told))

    def check_redis(self) -> None:
        """A REDIS_URL that does not answer is said in one line, not by five failing processes."""
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5) as client:
            try:
                client.ping()
            except redis.RedisError as error:
                if redis_server.is_ours():
                    raise CommandError(
                        "No Redis runs here: set REDIS_URL to one that does, or start this one "
                        "first (python -m playground.runner redis)."
                    ) from error
                raise CommandError(f"Redis does not answer at REDIS_URL: {error}") from error
            if redis_server.is_ours():
                # None can be alive yet: one that is told so was killed.
                workers.forget_all(client)

    def check_files(self) -> None:
        """So is a bucket that is not there, or not open to us. One that is away may come back."""
        refusal = getattr(default_storage, "refusal", None)
        if refusal is not None and (why := refusal()):
            raise CommandError(
                f"S3_BUCKET {settings.S3_BUCKET} cannot be used: make it, or look at S3_ENDPOINT, "
                f"S3_REGION and the keys. The storage says: {why}"
            )

    def migrate(self) -> None:
        """Bring the database up to date, if it is not."""
        try:
            with closing(tables.without_pool()) as database:
                database.ensure_connection()
            with self.alone():
                executor = MigrationExecutor(connection)
                if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                    self.stderr.write("Preparing the database ...")
                    call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            why = " ".join(str(error).split())  # libpq has a line for each address
            raise CommandError(f"The database cannot be used: {why}") from error
        if settings.EMBEDDING_MODEL and connection.vendor == "postgresql":
            try:
                indexes.vector_index().clean_up()
            except DatabaseError as error:
                raise CommandError(
                    "EMBEDDING_MODEL needs pgvector in the PostgreSQL of DATABASE_URL: install it "
                    f"there, or have an administrator say CREATE EXTENSION vector. It says: {error}"
                ) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """On PostgreSQL, while no other host prepares the same database. The lock is the
        connection's, and goes with it.
        """
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])
            try:
                yield
            finally:
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [PREPARING])

    def clear_uploads(self) -> None:
        """Remove what a web server that was killed had taken in and not yet kept. Another one may
        be at work: what it has is younger.
        """
        if folder := settings.FILE_UPLOAD_TEMP_DIR:
            for path in Path(folder).glob("*.upload*"):
                if time.time() - path.stat().st_mtime > KEEP_UPLOADS_SECONDS:
                    path.unlink(missing_ok=True)

    def login_token(self) -> str | None:
        """A token for the link, unless the owner set one: then no printed one is good any more."""
        if settings.PLAYGROUND_LOGIN_TOKEN:
            people.void_login_tokens()
            return None
        return people.issue_login_token()

    def has_api_key(self) -> bool:
        """Whether a program can get in already."""
        project = projects.ensure_default_project()
        return bool(settings.PLAYGROUND_API_KEY) or ApiKey.objects.filter(project=project).exists()

"""Files on S3-compatible storage, through django-storages: streamed, and with errors of our own.

Loaded only where ``S3_BUCKET`` is set, since it brings the SDK along.
"""

import io
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Final, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File as DjangoFile
from storages.backends.s3 import S3Storage
from typing_extensions import override

from assistants import refusals

logger = logging.getLogger(__name__)

PIECE: Final = 8 * 1024 * 1024
"""Bytes of one part of an upload: so many of a file are in memory at once. A part has 5 MB at
least, a file 10,000 of them at most (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
"""
IN_MEMORY: Final = 1024 * 1024
"""A file that is opened to be read in any order lies on the disk when it is larger."""
CONNECTIONS: Final = 50
"""Of one process, each kept for the next who asks."""
CHECK_SECONDS: Final = 1
"""To connect, and again to answer: whoever looks at a server's health waits two seconds."""
KEPT_SECONDS = 3.0
"""The answer to whether it is there is given again for so long."""
REFUSED: Final = (301, 400, 401, 403, 404)
"""Answers that do not pass by themselves: no such bucket, another region's, not with these keys."""
_MAKING: Final = threading.Lock()
_CHECKING: Final = threading.Lock()


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """
    :raises StorageAway: the storage does not answer, or does not do what it is asked
    :raises FileNotFoundError: it has no such file
    """
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            raise FileNotFoundError(name) from error
        raise _away(error) from error
    except (BotoCoreError, Boto3Error) as error:
        raise _away(error) from error


def _away(error: Exception) -> Exception:
    # Told to whoever runs the server only: it names the bucket and its address.
    logger.error("the file storage fails: %s", error)
    return refusals.STORAGE_AWAY()


class _Stream(io.RawIOBase):
    """The bytes of a file as they arrive, from its beginning to its end."""

    def __init__(self, name: str, body: Any) -> None:
        self.name = name
        self._body = body

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        """
        :raises StorageAway: the storage breaks off
        """
        with _asking(self.name):
            piece: bytes = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    @override
    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


class ObjectStorage(S3Storage):
    """One bucket. Every method raises ``StorageAway`` where the storage fails."""

    def __init__(self, **settings: Any) -> None:
        addressing = settings.pop("addressing_style")
        config = Config(
            s3={"addressing_style": addressing},
            signature_version="s3v4",
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=CONNECTIONS,
            # Newer checksums, which most other servers than Amazon's do not know.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(
            client_config=config,
            # In the thread that asks: part after part, so that no more than one is in memory.
            transfer_config=TransferConfig(
                multipart_threshold=PIECE, multipart_chunksize=PIECE, use_threads=False
            ),
            max_memory_size=IN_MEMORY,
            file_overwrite=False,
            **settings,
        )
        self._checked_at = -KEPT_SECONDS
        self._is_away = False

    @property
    def connection(self) -> Any:
        """Of each thread its own, for threads may not share one; they may share its client, and
        making one of those takes longer than most of what it is asked.
        """
        mine = self._connections
        if not hasattr(mine, "resource"):
            with _MAKING:
                first = self._resource
            mine.resource = type(first)(client=first.meta.client)
        return mine.resource

    @property
    def bucket(self) -> Any:
        """Of each thread its own, likewise."""
        mine = self._connections
        if not hasattr(mine, "bucket"):
            mine.bucket = self.connection.Bucket(self.bucket_name)
        return mine.bucket

    @cached_property
    def _resource(self) -> Any:
        return self._create_session().resource("s3", config=self.client_config, **self._told())

    @cached_property
    def _asker(self) -> Any:
        """The client that looks whether the storage answers: soon, or not at all."""
        soon = Config(
            connect_timeout=CHECK_SECONDS,
            read_timeout=CHECK_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        config = self.client_config.merge(soon)
        return self._create_session().client("s3", config=config, **self._told())

    def _told(self) -> dict[str, Any]:
        return {
            "region_name": self.region_name,
            "use_ssl": self.use_ssl,
            "endpoint_url": self.endpoint_url,
            "verify": self.verify,
        }

    def stream(self, name: str) -> io.BufferedReader:
        """The bytes of a file, to be read once from beginning to end; nothing of it is kept here.

        :raises FileNotFoundError: there is no such file
        """
        with _asking(name):
            body = self.bucket.Object(self._normalize_name(name)).get()["Body"]
        return io.BufferedReader(_Stream(name, body))

    def check(self) -> None:
        """Whether the bucket answers, or has done so a moment ago: anybody may ask for this.

        :raises StorageAway: it does not
        """
        with _CHECKING:
            if time.monotonic() - self._checked_at >= KEPT_SECONDS:
                self._is_away = self._asked()
                self._checked_at = time.monotonic()
            if self._is_away:
                raise refusals.STORAGE_AWAY()

    def first_name(self) -> str | None:
        """One of the files, whichever comes first; None where there is none. One question, however
        many there are.

        :raises StorageAway: the storage fails
        """
        folder = f"{self.location.rstrip('/')}/".lstrip("/")
        with _asking(self.bucket_name):
            keys = (found.key for found in self.bucket.objects.filter(Prefix=folder))
            # Some tools make an object for each folder.
            first = next((key for key in keys if not key.endswith("/")), None)
        return first.removeprefix(folder) if first else None

    def refusal(self) -> str:
        """Why the storage will not do as it is set, in its own words: there is no such bucket, or
        it is not open to these keys. Empty where it does, or where it is away, which may pass.
        """
        try:
            with _MAKING:
                asker = self._asker
            asker.list_objects_v2(Bucket=self.bucket_name, Prefix=self.location, MaxKeys=1)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return str(error) if status in REFUSED else ""
        except (BotoCoreError, OSError):
            return ""
        return ""

    def _asked(self) -> bool:
        try:
            with _MAKING:
                asker = self._asker
            with _asking(self.bucket_name):
                asker.list_objects_v2(Bucket=self.bucket_name, Prefix=self.location, MaxKeys=1)
        except OSError:  # a bucket that is not there, too
            return True
        return False

    @override
    def _open(self, name: str, mode: str = "rb") -> "DjangoFile[bytes]":
        with _asking(name):
            opened = super()._open(name, mode)
            if "r" in mode:
                # Now, where it is known what its errors mean.
                opened.open()
            return cast("DjangoFile[bytes]", opened)

    @override
    def _save(self, name: str, content: Any) -> str:
        with _asking(name):
            return cast("str", super()._save(name, content))

    @override
    def delete(self, name: str) -> None:
        with _asking(name):
            super().delete(name)

    @override
    def exists(self, name: str) -> bool:
        with _asking(name):
            return bool(super().exists(name))

    @override
    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _asking(name):
            return cast("tuple[list[str], list[str]]", super().listdir(name))

    @override
    def size(self, name: str) -> int:
        with _asking(name):
            return int(super().size(name))

    @override
    def get_modified_time(self, name: str) -> datetime:
        with _asking(name):
            return cast("datetime", super().get_modified_time(name))

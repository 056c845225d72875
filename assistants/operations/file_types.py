"""Which files the service refused where this server takes any, or hands them out. It holds to that
where the setting STRICT_FILES is on, for programs that are to be tried against the service's ways.

What file search takes is not among it: that is never more than the service took.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from django.conf import settings

from assistants import refusals
from assistants.models import File, Project
from assistants.refusals import Ours
from assistants.retrieval.reader import EXTENSIONS as SEARCHED

RUN_BY_CODE: Final = SEARCHED | {
    ".csv", ".gif", ".jpeg", ".jpg", ".pkl", ".png", ".tar", ".webp", ".xlsx", ".xml", ".zip",
}  # fmt: skip
"""What the code interpreter takes:
https://platform.openai.com/docs/assistants/tools/code-interpreter/supported-files, and what the
refusal itself lists.
"""

IMAGES: Final = (".jpeg", ".jpg", ".png", ".gif", ".webp")
KEPT_IN: Final = ("assistants", "user_data")
"""Purposes whose files the service does not hand out again."""


def check_for_code(project: Project, file_ids: Iterable[str]) -> None:
    """
    :raises Invalid: the code interpreter of the service does not take one of these files
    """
    for extension in _extensions(project, file_ids):
        if extension not in RUN_BY_CODE:
            formats = ", ".join(f'"{known[1:]}"' for known in sorted(RUN_BY_CODE))
            raise refusals.NOT_FOR_CODE(extension=extension[1:] or "none", formats=Ours(formats))


def check_images(project: Project, file_ids: Iterable[str]) -> None:
    """
    :raises Invalid: one of these files is no image that the service shows to a model
    """
    for extension in _extensions(project, file_ids):
        if extension not in IMAGES:
            raise refusals.NOT_AN_IMAGE(formats=", ".join(IMAGES), extension=extension or "none")


def check_download(file: File) -> None:
    """
    :raises Invalid: the service does not hand out the content of such a file
    """
    if settings.STRICT_FILES and file.purpose in KEPT_IN:
        raise refusals.NOT_HANDED_OUT(purpose=file.purpose)


def _extensions(project: Project, file_ids: Iterable[str]) -> list[str]:
    """Those of the files' names, where they matter."""
    asked = list(file_ids)
    if not settings.STRICT_FILES or not asked:
        return []
    found = File.objects.in_project(project).filter(pk__in=asked).oldest_first()
    return [PurePath(name).suffix.lower() for name in found.values_list("filename", flat=True)]

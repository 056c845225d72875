"""``manage.py import_thread FILE``: a thread from another instance's JSON export, under its ids."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assistants.models import Project
from assistants.operations import projects
from playground.exports import reading
from playground.exports.reading import Unreadable
from playground.exports.telling import counted, told


class Command(BaseCommand):
    """Takes in all that the archive holds, or nothing."""

    help = (
        "Imports a thread from a JSON export (the thread's page, Export), with its assistants, "
        "files and vector stores. All keep their ids."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the zip archive")
        parser.add_argument("--project", help="the id of the project, if not the default one")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what the archive holds, import nothing"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        project = _project(options["project"])
        try:
            with options["file"].open("rb") as file, reading.opened(file) as archive:
                preview = archive.preview(project)
                self.stdout.write(f"{preview.thread.id}: {counted(preview.counts)}")
                for object_id in preview.here:
                    self.stdout.write(f"{object_id} is here already and stays as it is.")
                for object_id in preview.unusable:
                    self.stdout.write(f"{object_id} cannot be used here, so that nothing can come.")
                if not options["dry_run"]:
                    self.stdout.write(told(archive.take_in(project).door))
        except Unreadable as problem:
            raise CommandError(str(problem)) from problem
        except OSError as problem:
            raise CommandError(f"{options['file']}: {problem.strerror}") from problem


def _project(project_id: str | None) -> Project:
    if project_id is None:
        return projects.ensure_default_project()
    found = Project.objects.present().filter(pk=project_id).first()
    if found is None:
        raise CommandError(f"There is no project {project_id}.")
    return found

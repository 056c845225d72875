"""``manage.py reindex``: makes the search index anew from the chunks in the database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.models import VectorStore
from assistants.operations import indexing


class Command(BaseCommand):
    """The index is derived data: it may be lost, or be of an older version. May run while all
    else does: files that come meanwhile wait, searches find what they found before.
    """

    help = "Makes the search index of vector stores anew. Nothing has to be stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("vector_store_id", nargs="*", help="only these, else all")

    def handle(self, *_args: object, **options: Any) -> None:
        stores = VectorStore.objects.oldest_first()
        if wanted := options["vector_store_id"]:
            stores = stores.filter(pk__in=wanted)
            if unknown := set(wanted) - set(stores.values_list("pk", flat=True)):
                raise CommandError(f"There is no vector store {', '.join(sorted(unknown))}.")
        for store in stores.iterator():
            self.stdout.write(f"{store.id}: {indexing.rebuild(store.id)} chunks")

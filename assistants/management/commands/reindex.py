"""``manage.py reindex``: makes the search indexes anew from the chunks in the database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.models import VectorStore
from assistants.operations import embedding, indexing


class Command(BaseCommand):
    """The indexes are derived data: they may be lost, or be of an older version. May run while all
    else does: files that come meanwhile wait, searches find what they found before. Vectors are
    made by the worker, which asks the embedding model; until then files are found by their words.
    """

    help = "Makes the search indexes of vector stores anew. Nothing has to be stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("vector_store_id", nargs="*", help="only these, else all")
        parser.add_argument(
            "--keep-vectors",
            action="store_true",
            help="keep what the embedding model has made, which may have cost money",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        stores = VectorStore.objects.oldest_first()
        if wanted := options["vector_store_id"]:
            stores = stores.filter(pk__in=wanted)
            if unknown := set(wanted) - set(stores.values_list("pk", flat=True)):
                raise CommandError(f"There is no vector store {', '.join(sorted(unknown))}.")
        for store in stores.iterator():
            told = f"{store.id}: {indexing.rebuild(store.id)} chunks"
            if not options["keep_vectors"] and (files := embedding.make_anew(store.id)):
                told += f", vectors of {files} files to be made anew"
            self.stdout.write(told)

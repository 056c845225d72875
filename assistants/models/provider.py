"""Servers with chat models, or with assistants of their own, that a person has connected on the
settings page.
"""

from django.db import models

from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project

UPSTREAM = "assistants"
"""The kind of a server that has assistants of its own."""


class ModelProviderQuerySet(ObjectQuerySet["ModelProvider"]):
    def in_project(self, project: Project) -> "ModelProviderQuerySet":
        return self.filter(project=project)

    def with_models(self) -> "ModelProviderQuerySet":
        """Those whose models answer runs here."""
        return self.exclude(kind=UPSTREAM)

    def upstreams(self) -> "ModelProviderQuerySet":
        """Those with assistants of their own."""
        return self.filter(kind=UPSTREAM)


class ModelProvider(ApiObject):
    """A server that speaks Chat Completions, for the runs of one project; of kind "assistants" one
    that speaks the Assistants API, with Azure's addresses where it has an ``api_version``.

    ``known_models`` is what a person said of its models, in their order: each a dict with ``name``
    and, as far as they are known, ``window`` (tokens), ``input`` and ``output`` (US dollars per
    million tokens, as text, so that they stay exact). Empty: whatever the server lists.
    """

    noun = "provider"
    prefix = "prov_"

    KINDS = ("openai", "azure", "assistants")

    project = models.ForeignKey(Project, models.CASCADE, related_name="model_providers")
    kind = models.CharField(max_length=16)
    label = models.CharField(max_length=100)
    base_url = models.CharField(max_length=500)
    sealed_key = models.TextField(blank=True, default="")
    """Encrypted: see ``assistants.operations.seals``. Empty for a server that wants no key."""
    api_version = models.CharField(max_length=64, blank=True, default="")
    known_models = OrderedJSON(default=list)

    objects = models.Manager.from_queryset(ModelProviderQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"])]

"""An assistant: a model with instructions and tools."""

from typing import TYPE_CHECKING

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project

if TYPE_CHECKING:
    from assistants.models.upstream import UpstreamAssistant


class AssistantQuerySet(ObjectQuerySet["Assistant"]):
    def in_project(self, project: Project) -> "AssistantQuerySet":
        return self.filter(project=project)

    def matching(self, words: str) -> "AssistantQuerySet":
        """Those whose name, id or instructions contain the words."""
        return self.filter(
            models.Q(name__icontains=words)
            | models.Q(pk__icontains=words)
            | models.Q(instructions__icontains=words)
        )


class Assistant(ApiObject):
    noun = "assistant"
    prefix = "asst_"

    project = models.ForeignKey(Project, models.CASCADE, related_name="assistants")
    name = models.CharField(max_length=256, null=True)
    description = models.CharField(max_length=512, null=True)
    model = models.CharField(max_length=256)
    instructions = models.TextField(null=True)
    tools = OrderedJSON(default=list)
    tool_resources = OrderedJSON(default=dict)
    metadata = OrderedJSON(default=dict)
    temperature = models.FloatField(null=True, default=1.0)
    top_p = models.FloatField(null=True, default=1.0)
    response_format = OrderedJSON()
    reasoning_effort = models.CharField(max_length=16, null=True)

    objects = models.Manager.from_queryset(AssistantQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"])]

    @property
    def code_interpreter_file_ids(self) -> list[str]:
        return list(self.tool_resources.get("code_interpreter", {}).get("file_ids", []))

    @property
    def vector_store_ids(self) -> list[str]:
        return list(self.tool_resources.get("file_search", {}).get("vector_store_ids", []))

    @property
    def home(self) -> "UpstreamAssistant | None":
        """What it is on the server where it lives; None for one that lives here."""
        return getattr(self, "upstream", None)

    def has_tool(self, tool_type: str) -> bool:
        return any(tool["type"] == tool_type for tool in self.tools)

    def to_dict(self) -> Wire:
        """The assistant object of the API, defaults always spelled out as on the wire."""
        return {
            "id": self.id,
            "object": "assistant",
            "created_at": clock.unix(self.created_at),
            "name": self.name,
            "description": self.description,
            "model": self.model,
            "instructions": self.instructions,
            "tools": self.tools,
            "top_p": self.top_p,
            "temperature": self.temperature,
            "reasoning_effort": self.reasoning_effort,
            "tool_resources": self.tool_resources,
            "metadata": self.metadata,
            "response_format": self.response_format,
        }

"""Names under which a project's programs ask for its models."""

from django.db import models

from assistants.models.project import Project


class ModelAliasQuerySet(models.QuerySet["ModelAlias"]):
    def in_project(self, project: Project) -> "ModelAliasQuerySet":
        return self.filter(project=project)


class ModelAlias(models.Model):
    """In its project, ``name`` is answered by ``model``: a program written for a model that is gone
    runs on with another one.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="model_aliases")
    name = models.CharField(max_length=256)
    model = models.CharField(max_length=256)

    objects = models.Manager.from_queryset(ModelAliasQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="alias_name_once_a_project"),
        ]

    def __str__(self) -> str:
        return self.name

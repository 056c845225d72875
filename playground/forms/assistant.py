"""The form of an assistant."""

import hashlib
import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from assistants.errors import Invalid, Wire
from assistants.models import Assistant, Project, VectorStore
from assistants.operations import model_facts, providers, upstreams
from assistants.operations.providers import ChatModel, Provider
from assistants.params import AssistantCreate, AssistantUpdate, validate
from assistants.params.tools import JsonSchemaFormat
from assistants.tokens import estimate
from playground import chat_models
from playground.forms import functions, json_text, pairs
from playground.service_words import refusal, told

SWITCHES = ("code_interpreter", "file_search")
"""The tools that are switched on and off."""

MAX_INSTRUCTIONS = 256_000
MAX_STORES = 50
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

SCHEMA: Wire = {
    "name": "answer",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"result": {"type": "string"}},
        "required": ["result"],
        "additionalProperties": False,
    },
}
"""What the editor of an answer's schema begins with."""


class AssistantForm(forms.Form):
    """All that can be set of an assistant. ``functions`` and ``metadata`` are lists."""

    name = forms.CharField(
        max_length=256,
        error_messages={"required": gettext_lazy("Give it a name, so that you find it again.")},
    )
    description = forms.CharField(max_length=512, required=False)
    instructions = forms.CharField(max_length=MAX_INSTRUCTIONS, required=False, strip=False)
    code_interpreter = forms.BooleanField(required=False)
    file_search = forms.BooleanField(required=False)
    vector_store = forms.CharField(max_length=64, required=False)
    example = forms.CharField(max_length=10_000, required=False)
    """A call of a function, to make one of it; it is no part of the assistant."""
    response_format = forms.ChoiceField(
        choices=[
            ("text", gettext_lazy("Text")),
            ("json_object", gettext_lazy("JSON object")),
            ("json_schema", gettext_lazy("JSON that follows a schema")),
        ],
        required=False,
    )
    schema = forms.CharField(max_length=json_text.MAX_LENGTH, required=False)
    reasoning_effort = forms.ChoiceField(
        choices=[
            ("", gettext_lazy("As the model is used to")),
            *((name, name) for name in EFFORTS),
        ],
        required=False,
    )
    temperature = forms.FloatField(min_value=0, max_value=2)
    top_p = forms.FloatField(min_value=0, max_value=1)
    version = forms.CharField(required=False)
    """What the person began from; see ``version_of``."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        project: Project,
        assistant: Assistant | None = None,
    ) -> None:
        super().__init__(data, initial=_initial(assistant, project), auto_id="assistant-%s")
        self.assistant = assistant
        self.project = project
        self.home = assistant.home if assistant else None
        """Where the assistant lives, if that is not here."""
        self.offered = upstreams.models(self.home) if self.home else providers.offered(project)
        self.fields["model"] = forms.ChoiceField(choices=self._models())
        self.made_of = functions.made_of(data) if data is not None else ""
        if data is not None:
            self.functions = functions.of_data(data)
            self.metadata = pairs.of_data(data)
        else:
            self.functions = functions.of_tools(assistant.tools if assistant else [])
            self.metadata = pairs.of_dict(assistant.metadata if assistant else {})

    @property
    def samples(self) -> dict[str, Wire]:
        """Functions to begin with."""
        return functions.SAMPLES

    @property
    def fault(self) -> str:
        """The id of what says why a field is not right; empty where it stands above all fields, or
        nothing is wrong.
        """
        found = [f"assistant-fault-{one.key}" for one in self.functions if one.error]
        found += [f"{self[name].auto_id}-error" for name in self.errors if name in self.fields]
        return next(iter(found), "")

    @property
    def lacks_provider(self) -> bool:
        """Whether the chosen model is the scripted one because there is no other yet."""
        is_demo = self.home is None and self["model"].value() == providers.DEMO_MODEL
        return is_demo and not providers.configured(self.project)

    @property
    def chosen(self) -> ChatModel | None:
        """The chosen model, if it is one of those that can be chosen."""
        name = self["model"].value()
        return next((model for model in self.offered if model.name == name), None)

    @property
    def goes_elsewhere(self) -> bool:
        """Whether the assistant is to be made on another server."""
        return upstreams.is_elsewhere(str(self["model"].value()))

    @property
    def facts(self) -> str:
        """Who serves the chosen model, and what it can do, as far as that is known."""
        return chat_models.facts(self.chosen) if self.chosen else ""

    @property
    def offers_effort(self) -> bool:
        """Whether a reasoning effort can be chosen: not where it is known to mean nothing."""
        chosen = self.chosen
        return bool(self["reasoning_effort"].value() or (chosen and model_facts.reasons(chosen)))

    @property
    def unlisted(self) -> Provider | None:
        """A provider that is configured, but of whose models none is known to choose from."""
        found = (one for one in providers.configured(self.project) if not providers.names(one))
        return next(found, None)

    @property
    def is_silent(self) -> bool:
        """Whether that one does not answer."""
        return bool(self.unlisted and providers.is_silent(self.unlisted))

    @property
    def store_id(self) -> str:
        """The vector store that file search has now, if any."""
        return next(iter(self.assistant.vector_store_ids), "") if self.assistant else ""

    @property
    def stores(self) -> list[VectorStore]:
        """Vector stores to choose from, the newest, the present one among them."""
        found = VectorStore.objects.in_project(self.project)
        newest = list(found.newest_first()[:MAX_STORES])
        if self.store_id in ("", *(one.pk for one in newest)):
            return newest
        return [*found.filter(pk=self.store_id), *newest]

    @property
    def picks_store(self) -> bool:
        """Whether another vector store was chosen than the one there is. The files in the form are
        then those of the old one, and say nothing of the new one.
        """
        picked = self.data.get("vector_store")
        return bool(picked and picked != self.store_id)

    @property
    def size(self) -> str:
        """How long the instructions are: "12 characters, about 3 tokens"."""
        text = str(self["instructions"].value() or "")
        length, tokens = len(text), estimate(text)
        said = ngettext("{n} character", "{n} characters", length).format(n=_grouped(length))
        if not tokens:
            return said
        about = ngettext("{size}, about {n} token", "{size}, about {n} tokens", tokens)
        return about.format(size=said, n=_grouped(tokens))

    @property
    def clash(self) -> bool:
        """Whether JSON is asked for together with tools that few models combine with it."""
        wants_json = self["response_format"].value() in ("json_object", "json_schema")
        return wants_json and any(self[name].value() for name in SWITCHES)

    @property
    def is_stale(self) -> bool:
        """Whether the assistant was changed elsewhere since the person began."""
        begun = self.data.get("over") or self.data.get("version")
        return bool(begun and self.assistant and begun != version_of(self.assistant))

    @property
    def newest_version(self) -> str:
        """What to send as ``version`` to write over what was changed elsewhere."""
        return version_of(self.assistant) if self.assistant else ""

    def saved(self, assistant: Assistant) -> "AssistantForm":
        """The form after saving: what was typed stays where it is."""
        fresh = AssistantForm(project=self.project, assistant=assistant)
        fresh.functions, fresh.metadata = self.functions, self.metadata
        fresh.made_of = self.made_of
        return fresh

    def clean_example(self) -> str:
        """Looked at only when a function is to be made of it."""
        text = str(self.cleaned_data["example"])
        if isinstance(self.data, QueryDict) and functions.wanted(self.data) == "example":
            functions.from_call(text)
        return text

    def clean(self) -> Wire:
        given = super().clean() or {}
        if any(one.error for one in self.functions):
            self.add_error(None, _("A function is not right yet; it says why."))
        if fault := pairs.fault(self.metadata):
            self.add_error(None, fault)
        if given.get("response_format") == "json_schema":
            try:
                given["answer"] = _schema(given.get("schema", ""))
            except ValidationError as error:
                self.add_error("schema", error)
        return given

    def created(self, file_ids: list[str]) -> AssistantCreate:
        """The params that make it. Call it on a valid form."""
        return AssistantCreate.model_validate(self._fields(file_ids))

    def updated(self, file_ids: list[str]) -> AssistantUpdate:
        """The params that change it. Call it on a valid form."""
        return AssistantUpdate.model_validate(self._fields(file_ids))

    def _fields(self, file_ids: list[str]) -> Wire:
        given = self.cleaned_data
        fields: Wire = {
            "name": given["name"],
            "description": given["description"] or None,
            "instructions": given["instructions"].replace("\r\n", "\n") or None,
            "model": given["model"],
            "temperature": given["temperature"],
            "top_p": given["top_p"],
            "tools": self._tools(),
        }
        # What a form without these fields says nothing of stays as it was.
        if "response_format" in self.data:
            fields["response_format"] = self._response_format()
        if "reasoning_effort" in self.data:
            fields["reasoning_effort"] = given["reasoning_effort"] or None
        if "metadata_key" in self.data:
            fields["metadata"] = pairs.as_dict(self.metadata)
        resources: Wire = {}
        if given["code_interpreter"]:
            resources["code_interpreter"] = {"file_ids": file_ids}
        if self.picks_store:
            resources["file_search"] = {"vector_store_ids": [given["vector_store"]]}
        if resources:
            fields["tool_resources"] = resources
        return fields

    def _tools(self) -> list[Wire]:
        """Those that are switched on, as a program has set them up, and the functions."""
        before = list(self.assistant.tools) if self.assistant else []
        known = {tool["type"]: tool for tool in before}
        tools = [known.get(name, {"type": name}) for name in SWITCHES if self.cleaned_data[name]]
        if "functions" not in self.data:
            return tools + [tool for tool in before if tool["type"] not in SWITCHES]
        return tools + [one.tool for one in self.functions if one.tool]

    def _response_format(self) -> Any:
        given = self.cleaned_data
        match given["response_format"]:
            case "json_schema":
                return given["answer"]
            case "json_object":
                return {"type": "json_object"}
        # "auto" and text are the same here; a program's choice of words stays.
        before = self.assistant.response_format if self.assistant else "auto"
        return before if before == {"type": "text"} else "auto"

    def _models(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Names and labels to choose from, under their providers; the present one first if it is
        not among them.
        """
        groups: dict[str, list[tuple[str, str]]] = {}
        if self.home:
            groups[self.home.provider.label] = []
        for model in self.offered:
            groups.setdefault(told(model.provider.label), []).append(
                (model.name, told(model.label))
            )
        if not self.assistant:
            for value, name, server in upstreams.models_elsewhere(self.project):
                groups.setdefault(server, []).append((value, name))
        present = self.assistant.model if self.assistant else None
        if present and present not in {model.name for model in self.offered}:
            label = present
            if not self.home:
                label = chat_models.labels([present], self.project)[present]
            return [(pgettext("the chosen model", "Now"), [(present, label)]), *groups.items()]
        return list(groups.items())


def _grouped(count: int) -> str:
    return number_format(count, force_grouping=True)


def version_of(assistant: Assistant) -> str:
    """A digest of everything that can be changed: other when anyone has changed anything."""
    text = json.dumps(assistant.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _initial(assistant: Assistant | None, project: Project) -> Wire:
    if assistant is None:
        return {
            "model": providers.default(project).name,
            "code_interpreter": True,
            "response_format": "text",
            "schema": json_text.write(SCHEMA),
            "reasoning_effort": "",
            "temperature": 1.0,
            "top_p": 1.0,
        }
    form = assistant.response_format
    kind = form["type"] if isinstance(form, dict) else "text"
    return {
        "name": assistant.name or "",
        "description": assistant.description or "",
        "instructions": assistant.instructions or "",
        "model": assistant.model,
        **{name: assistant.has_tool(name) for name in SWITCHES},
        "response_format": kind,
        "schema": json_text.write(form["json_schema"] if kind == "json_schema" else SCHEMA),
        "reasoning_effort": assistant.reasoning_effort or "",
        "temperature": 1.0 if assistant.temperature is None else assistant.temperature,
        "top_p": 1.0 if assistant.top_p is None else assistant.top_p,
        "version": version_of(assistant),
    }


def _schema(text: str) -> Wire:
    """
    :raises ValidationError: it is no form of an answer
    """
    given = json_text.read_object(text)
    try:
        found = validate(JsonSchemaFormat, {"type": "json_schema", "json_schema": given})
    except Invalid as error:
        raise ValidationError(refusal(error)) from error
    return found.model_dump(mode="json", by_alias=True)

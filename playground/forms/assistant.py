"""The form of an assistant."""

import hashlib
import json
from typing import Any

from django import forms

from assistants.errors import Wire
from assistants.models import Assistant
from assistants.operations import providers
from assistants.params import AssistantCreate, AssistantUpdate
from playground import chat_models

SWITCHES = ("code_interpreter", "file_search")
"""The tools that are switched on and off."""


class AssistantForm(forms.Form):
    """What the studio can set of an assistant; the rest stays as a program set it."""

    name = forms.CharField(
        max_length=256,
        error_messages={"required": "Give it a name, so that you find it again."},
    )
    description = forms.CharField(max_length=512, required=False)
    instructions = forms.CharField(max_length=256_000, required=False, strip=False)
    code_interpreter = forms.BooleanField(required=False)
    file_search = forms.BooleanField(required=False)
    temperature = forms.FloatField(min_value=0, max_value=2)
    top_p = forms.FloatField(min_value=0, max_value=1)
    version = forms.CharField(required=False)
    """What the person began from; see ``version_of``."""

    def __init__(self, data: Any = None, *, assistant: Assistant | None = None) -> None:
        super().__init__(data, initial=_initial(assistant), auto_id="assistant-%s")
        self.assistant = assistant
        self.fields["model"] = forms.ChoiceField(choices=_models(assistant))

    @property
    def uses_demo(self) -> bool:
        """Whether the chosen model is the scripted one."""
        return bool(self["model"].value() == providers.DEMO_MODEL)

    @property
    def unlisted(self) -> str:
        """A provider that is configured, but of whose models none is known to choose from."""
        found = (one.label for one in providers.configured() if not providers.names(one))
        return next(found, "")

    @property
    def is_stale(self) -> bool:
        """Whether the assistant was changed elsewhere since the person began."""
        begun = self.data.get("version")
        return bool(begun and self.assistant and begun != version_of(self.assistant))

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
        if given["code_interpreter"]:
            fields["tool_resources"] = {"code_interpreter": {"file_ids": file_ids}}
        return fields

    def _tools(self) -> list[Wire]:
        """Those that are switched on, as a program has set them up, and the others as they were."""
        before = list(self.assistant.tools) if self.assistant else []
        known = {tool["type"]: tool for tool in before}
        tools = [known.get(name, {"type": name}) for name in SWITCHES if self.cleaned_data[name]]
        return tools + [tool for tool in before if tool["type"] not in SWITCHES]


def version_of(assistant: Assistant) -> str:
    """A digest of everything that can be changed: other when anyone has changed anything."""
    text = json.dumps(assistant.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _initial(assistant: Assistant | None) -> Wire:
    if assistant is None:
        return {
            "model": providers.default().name,
            "code_interpreter": True,
            "temperature": 1.0,
            "top_p": 1.0,
        }
    return {
        "name": assistant.name or "",
        "description": assistant.description or "",
        "instructions": assistant.instructions or "",
        "model": assistant.model,
        **{name: assistant.has_tool(name) for name in SWITCHES},
        "temperature": 1.0 if assistant.temperature is None else assistant.temperature,
        "top_p": 1.0 if assistant.top_p is None else assistant.top_p,
        "version": version_of(assistant),
    }


def _models(assistant: Assistant | None) -> list[tuple[str, str]]:
    """Names and labels to choose from, the present one first if it is not among them."""
    found = [(model.name, model.label) for model in providers.offered()]
    if assistant and assistant.model not in dict(found):
        found.insert(0, *chat_models.labels([assistant.model], assistant.project).items())
    return found

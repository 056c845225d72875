"""What a run is to have otherwise than its assistant, as the composer asks for it."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assistants.errors import Wire
from assistants.models import Assistant
from playground import words

PREFIX: Final = "run"
MIN_TOKENS: Final = 256
CHOICES: Final = ("auto", "none", "required")


class RunOptionsForm(forms.Form):
    """Every field may be left empty: then it is as the assistant has it."""

    model = forms.CharField(max_length=256, required=False, label=gettext_lazy("Model"))
    additional_instructions = forms.CharField(
        max_length=256_000,
        required=False,
        strip=False,
        label=gettext_lazy("Additional instructions"),
    )
    instructions = forms.CharField(
        max_length=256_000,
        required=False,
        strip=False,
        label=gettext_lazy("Instructions instead"),
    )
    temperature = forms.FloatField(
        min_value=0,
        max_value=2,
        required=False,
        label=gettext_lazy("Temperature"),
    )
    top_p = forms.FloatField(min_value=0, max_value=1, required=False, label="Top P")
    max_prompt_tokens = forms.IntegerField(
        min_value=MIN_TOKENS,
        max_value=2**31 - 1,
        required=False,
        label=gettext_lazy("Most tokens to read"),
    )
    max_completion_tokens = forms.IntegerField(
        min_value=MIN_TOKENS,
        max_value=2**31 - 1,
        required=False,
        label=gettext_lazy("Most tokens to write"),
    )
    last_messages = forms.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        label=gettext_lazy("Read the last messages only"),
    )
    tool_choice = forms.CharField(max_length=80, required=False, label=gettext_lazy("Tool choice"))

    def __init__(self, data: Any = None, *, before: Wire | None = None) -> None:
        """
        :param before: the options of the thread's last run, which the next begins with
        """
        super().__init__(data, initial=_initial(before or {}), prefix=PREFIX)

    def given_params(self) -> Wire:
        """What was filled in, by the names of the API. Call it on a valid form."""
        given = {
            name: value.replace("\r\n", "\n") if isinstance(value, str) else value
            for name, value in self.cleaned_data.items()
            if value not in (None, "")
        }
        if last := given.pop("last_messages", None):
            given["truncation_strategy"] = {"type": "last_messages", "last_messages": last}
        if choice := given.pop("tool_choice", ""):
            given["tool_choice"] = _tool_choice(choice)
        return given


def _initial(before: Wire) -> Wire:
    """A run's options as the fields have them; those that no field asks for are left out."""
    given = dict(before)
    match given.get("tool_choice"):
        case {"type": "function", "function": {"name": name}}:
            given["tool_choice"] = f"function:{name}"
        case {"type": kind}:
            given["tool_choice"] = kind
    given["last_messages"] = (given.get("truncation_strategy") or {}).get("last_messages")
    return given


def tool_choices(assistant: Assistant) -> list[tuple[str, str]]:
    """What can be chosen, as values and in words: auto, which is what a run has by itself, none,
    required, and each of the assistant's tools.
    """
    found = [("" if name == "auto" else name, words.word(name)) for name in CHOICES]
    for tool in assistant.tools:
        if tool["type"] == "function":
            name = tool["function"]["name"]
            found.append((f"function:{name}", _("Function {name}").format(name=name)))
        else:
            found.append((tool["type"], words.word(tool["type"])))
    return found


def _tool_choice(value: str) -> str | Wire:
    """The API's form of a choice."""
    kind, _, name = value.partition(":")
    if kind == "function":
        return {"type": "function", "function": {"name": name}}
    return kind if kind in CHOICES else {"type": kind}

"""The form under a thread: what to add, and whether to run."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assistants.errors import Wire
from assistants.models import Assistant, File
from assistants.operations import vector_store_files
from assistants.params import MessageCreate, RunCreate, validate
from playground import words
from playground.forms.run_options import RunOptionsForm
from playground.rendering.files import image_type

ADD, RUN, AGAIN = "add", "run", "again"
OPTIONS = "options"
TOOLS = ("code_interpreter", "file_search")
"""What can be chosen to open a file."""


class ComposerForm(forms.Form):
    """A message with its files. ``starter`` is a sample prompt that was pressed instead of
    written. ``message_id`` is the id that a script has made for the message: sent once more, as
    when the answer was lost, it is still the same one.
    """

    content = forms.CharField(
        max_length=256_000,
        required=False,
        error_messages={
            "max_length": gettext_lazy("A message can have %(limit_value)d characters at most.")
        },
    )
    starter = forms.CharField(max_length=256, required=False)
    message_id = forms.RegexField(r"^msg_[0-9a-f]{24}\Z", required=False)
    action = forms.ChoiceField(choices=[(name, name) for name in (ADD, RUN, AGAIN)], required=False)

    def __init__(
        self,
        data: Any,
        *,
        assistant: Assistant,
        attached: Sequence[File],
        unshowable: Sequence[str] = (),
    ) -> None:
        """
        :param unshowable: the names of images that came along, and are none
        """
        super().__init__(data)
        self.unshowable = unshowable
        self.assistant = assistant
        self.attached = attached
        self.options = RunOptionsForm(data)

    @property
    def options_are_wrong(self) -> bool:
        """Whether the run's options alone keep the message from being sent."""
        return list(self.errors) == [NON_FIELD_ERRORS] and self.has_error(NON_FIELD_ERRORS, OPTIONS)

    @property
    def runs(self) -> bool:
        """Whether a run is asked for. Call it on a valid form."""
        return bool(self.cleaned_data["action"] != ADD)

    def clean(self) -> Wire:
        """Files that nothing would read are refused rather than ignored."""
        given = super().clean() or {}
        if self.unshowable:
            raise forms.ValidationError(f"{', '.join(self.unshowable)}: {words.unshowable()}")
        others = [
            file.filename
            for file in self.attached
            if not image_type(file.filename) and not self._fitting(file)
        ]
        if others:
            either = all(vector_store_files.is_searchable(name) for name in others)
            if either:
                text = _(
                    "{assistant} cannot read {files}: switch its code interpreter or file search "
                    "on, or remove the file."
                )
            else:
                text = _(
                    "{assistant} cannot read {files}: switch its code interpreter on, or remove "
                    "the file."
                )
            name = self.assistant.name or _("The assistant")
            raise forms.ValidationError(text.format(assistant=name, files=words.listed(others)))
        if self.attached and not self._text(given) and given.get("action") != AGAIN:
            raise forms.ValidationError(_("Write what is to be done with the files, then send."))
        if given.get("action") == ADD and not self._text(given):
            raise forms.ValidationError(_("Write a message first."))
        for file in self.attached:
            if (asked := self._asked(file)) and {"type": asked} not in self._fitting(file):
                text = _(
                    "{tool} cannot read {file} here: choose another tool for it, or switch that "
                    "one on in Setup."
                )
                tool = words.word(asked)
                raise forms.ValidationError(text.format(tool=tool, file=file.filename))
        if given.get("action") != ADD and self.options.errors:
            raise forms.ValidationError(_("The run options are not right yet."), OPTIONS)
        return given

    def run_params(self) -> RunCreate:
        """The run that is asked for, with its options. Call it on a valid form."""
        return validate(
            RunCreate, {"assistant_id": self.assistant.id, **self.options.given_params()}
        )

    def message(self) -> MessageCreate | None:
        """What is to be added, or None to run on what is there. Call it on a valid form."""
        text = self._text(self.cleaned_data)
        if self.cleaned_data["action"] == AGAIN or not text:
            return None
        images = [file.id for file in self.attached if image_type(file.filename)]
        parts: list[Wire] = [{"type": "text", "text": text}]
        parts += [{"type": "image_file", "image_file": {"file_id": image}} for image in images]
        return validate(
            MessageCreate,
            {
                "role": "user",
                "content": parts,
                "attachments": [
                    {"file_id": file.id, "tools": self._tools(file)} for file in self.attached
                ],
            },
        )

    def _asked(self, file: File) -> str:
        """The tool that was chosen for the file; empty for every one that can open it."""
        asked = str(self.data.get(f"tool-{file.id}", ""))
        return asked if asked in TOOLS else ""

    def _tools(self, file: File) -> list[Wire]:
        """The tools that are to open the file."""
        asked = self._asked(file)
        return [tool for tool in self._fitting(file) if asked in ("", tool["type"])]

    def _fitting(self, file: File) -> list[Wire]:
        """Those of the assistant's tools that can open the file."""
        fitting = ["code_interpreter"]
        if vector_store_files.is_searchable(file.filename):
            fitting.append("file_search")
        return [{"type": name} for name in fitting if self.assistant.has_tool(name)]

    def _text(self, given: Wire) -> str:
        text = str(given.get("starter") or given.get("content") or "")
        return text.replace("\r\n", "\n")

"""The forms that ask what something is called."""

from django import forms
from django.utils.translation import gettext_lazy


class NameForm(forms.Form):
    """A vector store's name, or none."""

    title = forms.CharField(
        max_length=256,
        required=False,
        error_messages={
            "max_length": gettext_lazy("A name can have %(limit_value)d characters at most.")
        },
    )


class TitleForm(forms.Form):
    """A thread's title; empty for what it opens with."""

    title = forms.CharField(
        max_length=512,
        required=False,
        error_messages={
            "max_length": gettext_lazy("A title can have %(limit_value)d characters at most.")
        },
    )

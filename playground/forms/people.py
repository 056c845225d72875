"""The forms about people: names, passwords, invitations. What they check is Django's own."""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from assistants.models import Role

MAX_NAME = 150
JOINERS: Final = "\u200c\u200d"
"""Without these, some scripts and signs cannot be written."""


def visible(name: str) -> None:
    """
    :raises ValidationError: part of the name cannot be seen, or turns round what stands beside it
    """
    kinds = [unicodedata.category(letter) for letter in name if letter not in JOINERS]
    if any(kind[0] == "C" or kind in ("Zl", "Zp") for kind in kinds):
        raise ValidationError(_("The name has characters in it that cannot be seen. Type it anew."))
    if name and not any(kind[0] in "LN" for kind in kinds):
        raise ValidationError(_("A name needs a letter or a digit."))


class _Plain:
    """Fields that look like all others."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
            # The page puts the focus where something is wrong.
            field.widget.attrs.pop("autofocus", None)


class AccountForm(_Plain, forms.Form):
    """What others see of a person."""

    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME,
        required=False,
        validators=[visible],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class JoinForm(_Plain, UserCreationForm):  # type: ignore[type-arg]  # it takes none when it runs
    """A new account, for who was invited."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=MAX_NAME,
        required=False,
        validators=[visible],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "username", "password1", "password2")

    def clean_username(self) -> Any:
        """No address: who names one means whoever is proven to have it."""
        # None of one that is taken, which is said already.
        username = super().clean_username()
        if username and "@" in username:
            raise forms.ValidationError(_("A user name cannot contain “@”."))
        return username


class FirstPasswordForm(_Plain, SetPasswordForm):  # type: ignore[type-arg]
    """A password for who has none yet."""


class NewPasswordForm(_Plain, PasswordChangeForm):
    """Another password, for who knows the one that they have.

    :param is_right: whether that is the one; it may count how often it is asked
    """

    def __init__(self, *args: Any, is_right: Callable[[str], bool], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_right = is_right

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if not self._is_right(old):
            wrong = self.error_messages["password_incorrect"]
            raise forms.ValidationError(wrong, code="password_incorrect")
        return old


class InviteForm(_Plain, forms.Form):
    """Whom to let in, and what they may do."""

    role = forms.ChoiceField(choices=Role.choices, initial=Role.EDITOR)
    email = forms.EmailField(label=_("E-mail address"), max_length=254, required=False)
    name = forms.CharField(label=_("Name"), max_length=MAX_NAME, required=False)


class RoleForm(forms.Form):
    """What a member may do from now on."""

    role = forms.ChoiceField(choices=Role.choices)

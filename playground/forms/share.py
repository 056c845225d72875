"""The form of a share link."""

from datetime import datetime, time, timedelta
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from assistants.models import Audience, Share
from assistants.operations.shares import MAX_PEOPLE, Options

LASTS: Final = {"day": timedelta(hours=24), "week": timedelta(days=7)}


class ShareForm(forms.Form):
    """What a new link shows to whom, or one that is there already.

    :param share: the link that is changed
    """

    audience = forms.ChoiceField(
        choices=[
            (Audience.LINK, gettext_lazy("Anyone with the link")),
            (Audience.PROJECT, gettext_lazy("People of this project")),
            (Audience.PEOPLE, gettext_lazy("People whom I name")),
        ],
        initial=Audience.LINK,
    )
    people = forms.CharField(max_length=20_000, required=False)
    shows = forms.ChoiceField()
    shows_steps = forms.BooleanField(required=False, initial=True)
    shows_files = forms.BooleanField(required=False, initial=True)
    may_copy = forms.BooleanField(required=False)
    expires = forms.ChoiceField()
    date = forms.DateField(required=False)
    password = forms.CharField(max_length=200, required=False, strip=False)
    no_password = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, share: Share | None = None) -> None:
        super().__init__(data, auto_id="share-%s", initial=_initial(share) if share else {})
        self.share = share
        self.choice("shows").choices = self._moments()
        expiries = [
            ("week", _("In 7 days")),
            ("day", _("In 24 hours")),
            ("never", _("Never")),
            ("date", _("At the end of a day")),
        ]
        if share:
            expiries.insert(0, ("keep", _("As it is")))
        self.choice("expires").choices = expiries

    def choice(self, name: str) -> forms.ChoiceField:
        return cast("forms.ChoiceField", self.fields[name])

    def _moments(self) -> list[tuple[str, str]]:
        now = [("now", _("The thread as it is now")), ("live", _("The thread, live"))]
        if self.share and self.share.until:
            return [("keep", _("The thread as it was then")), *now]
        return now

    @override
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        names = self.names(given.get("people", ""))
        if given.get("audience") == Audience.PEOPLE and not names:
            self.add_error("people", _("Name at least one account that may read."))
        if len(names) > MAX_PEOPLE:
            self.add_error("people", _("That is too many."))
        if given.get("expires") == "date":
            moment = self._end_of(given.get("date"))
            if moment is None or moment <= timezone.now():
                self.add_error("date", ValidationError(_("Choose a day that is to come.")))
        return given

    @staticmethod
    def names(text: str) -> tuple[str, ...]:
        """The accounts that are named, with commas, spaces or line ends between them."""
        return tuple(name for name in text.replace(",", " ").replace(";", " ").split() if name)

    def options(self) -> Options:
        """What was chosen, of a form that is valid."""
        given = self.cleaned_data
        password = given["password"] or None
        return Options(
            audience=Audience(given["audience"]),
            people=self.names(given["people"]),
            live=given["shows"] == "live",
            keeps_moment=given["shows"] == "keep",
            shows_steps=given["shows_steps"],
            shows_files=given["shows_files"],
            may_copy=given["may_copy"],
            expires_at=self._expiry(),
            password="" if given["no_password"] and not password else password,
        )

    def _expiry(self) -> datetime | None:
        chosen = self.cleaned_data["expires"]
        if chosen == "keep" and self.share:
            return self.share.expires_at
        if chosen == "date":
            return self._end_of(self.cleaned_data["date"])
        return timezone.now() + LASTS[chosen] if chosen in LASTS else None

    @staticmethod
    def _end_of(day: Any) -> datetime | None:
        """The end of the day by the person's clock."""
        if day is None:
            return None
        begin = datetime.combine(day, time(), timezone.get_current_timezone())
        return begin + timedelta(days=1)


def _initial(share: Share) -> dict[str, Any]:
    return {
        "audience": share.audience,
        "people": ", ".join(share.names),
        "shows": "live" if share.is_live else "keep",
        "shows_steps": share.shows_steps,
        "shows_files": share.shows_files,
        "may_copy": share.may_copy,
        "expires": "keep",
    }

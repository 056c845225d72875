"""The form of a provider: its address, its key, and what is known of its models."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assistants.errors import Wire
from assistants.models import ModelProvider
from assistants.models.provider import UPSTREAM
from assistants.operations.connections import Connection
from assistants.operations.providers import AZURE_VERSION

EXAMPLES: dict[str, Wire] = {
    "openai": {
        "kind": "openai",
        "label": "OpenAI",
        "base_url": "https://api.openai.com/v1",
    },
    "azure": {
        "kind": "azure",
        "label": "Azure OpenAI",
        "base_url": "https://YOUR-RESOURCE.openai.azure.com",
        "api_version": AZURE_VERSION,
    },
    "ollama": {
        "kind": "openai",
        "label": "Ollama",
        "base_url": "http://127.0.0.1:11434/v1",
    },
    "assistants": {
        "kind": "assistants",
        "label": "Assistants API",
        "base_url": "https://YOUR-SERVER/v1",
    },
}
"""What the form begins with."""

MAX_MODELS = 200
EMPTY_ROWS = 2
COLUMNS = ("name", "window", "input", "output")


class ProviderForm(forms.Form):
    """``rows`` are its models: dicts with the texts of ``COLUMNS`` and, where one is wrong, an
    ``error``.
    """

    kind = forms.ChoiceField(
        choices=[
            ("openai", gettext_lazy("OpenAI, or a compatible server")),
            ("azure", "Azure OpenAI"),
            ("assistants", gettext_lazy("Assistants API: its own assistants, at home there")),
        ]
    )
    label = forms.CharField(
        max_length=100,
        error_messages={"required": gettext_lazy("Give it a name, so that you find it again.")},
    )
    base_url = forms.CharField(
        max_length=500,
        error_messages={"required": gettext_lazy("Enter the address of the server's API.")},
    )
    api_key = forms.CharField(max_length=1000, required=False)
    api_version = forms.RegexField(
        r"^[\w.-]{1,64}$",
        required=False,
        error_messages={
            "invalid": format_lazy(
                gettext_lazy("An API version reads like {version}."), version=AZURE_VERSION
            )
        },
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        provider: ModelProvider | None = None,
        example: str = "",
    ) -> None:
        initial: Wire = EXAMPLES.get(example, {"kind": "openai"})
        if provider:
            initial = {
                name: getattr(provider, name)
                for name in ("kind", "label", "base_url", "api_version")
            }
        super().__init__(data, initial=initial, auto_id="provider-%s")
        self.provider = provider
        known = provider.known_models if provider else []
        self.rows = _typed(data) if data is not None else [_row(one) for one in known]
        self.rows += [_row({}) for _ in range(EMPTY_ROWS)]

    def clean_base_url(self) -> str:
        address = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        try:
            parts = urlsplit(address)
            fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:
            fits = None
        if not fits:
            raise forms.ValidationError(
                _("This is no address: it begins with https:// or http:// and a host name.")
            )
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise forms.ValidationError(
                _(
                    "Leave names, passwords and what follows a ? out of the address: the key has a "
                    "field of its own."
                )
            )
        return address

    def clean_api_key(self) -> str:
        key = str(self.cleaned_data["api_key"]).strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise forms.ValidationError(
                _("A key has no spaces and no letters beyond A-Z. Copy it again.")
            )
        return key

    def clean(self) -> Wire:
        given = super().clean() or {}
        names: set[str] = set()
        for row in self.rows:
            row["error"] = _fault(row, names)
        if any(row["error"] for row in self.rows):
            raise forms.ValidationError(_("Look at the models: something is wrong there."))
        if len(names) > MAX_MODELS:
            raise forms.ValidationError(_("There can be {n} models at most.").format(n=MAX_MODELS))
        return given

    def ask_for_the_key_again(self) -> None:
        """Say that the key was not kept, for no page has it in it. Call it on a form that was sent
        and is shown once more.
        """
        if self.data.get("api_key", "").strip() and "api_key" not in self.errors:
            self.add_error("api_key", _("Enter the key again: a page never has it in it."))

    def forgive(self) -> None:
        """Say nothing of what is wrong."""
        self.errors.clear()
        for row in self.rows:
            row["error"] = ""

    def connection(self) -> Connection:
        """What was entered. Call it on a valid form."""
        given = self.cleaned_data
        return Connection(
            kind=given["kind"],
            label=given["label"],
            base_url=given["base_url"],
            api_key=given["api_key"],
            api_version=given["api_version"] if given["kind"] in ("azure", UPSTREAM) else "",
            known_models=tuple(_known(row) for row in self.rows if row["name"]),
        )


def _typed(data: QueryDict) -> list[dict[str, str]]:
    """The rows that a person has filled in, also in part."""
    columns = [data.getlist(f"model_{name}") for name in COLUMNS]
    rows = [
        dict(zip(COLUMNS, map(str.strip, values), strict=True))
        for values in zip(*columns, strict=False)
    ]
    return [row | {"error": ""} for row in rows[: MAX_MODELS + 1] if any(row.values())]


def _row(known: Wire) -> dict[str, str]:
    return {name: str(known.get(name) or "") for name in COLUMNS} | {"error": ""}


def _fault(row: dict[str, str], names: set[str]) -> str:
    """What is wrong with a row; takes note of its name."""
    name = row["name"]
    if not name:
        return _("Name the model.") if any(row[column] for column in COLUMNS) else ""
    if name in names:
        return _("{name} stands here twice.").format(name=name)
    names.add(name)
    if len(name) > 256:
        return _("A model's name has 256 characters at most.")
    return " ".join(_faults_of_numbers(row))


def _faults_of_numbers(row: dict[str, str]) -> Iterator[str]:
    name, window = row["name"], row["window"]
    if window and not (window.isdecimal() and window.isascii() and 64 <= int(window[:10]) <= 10**8):
        text = _("The window of {name} is a number of tokens between 64 and 100,000,000.")
        yield text.format(name=name)
    if any(row[price] and _price(row[price]) is None for price in ("input", "output")):
        text = _(
            "The prices of {name} are numbers of US dollars for a million tokens, such as 2.50."
        )
        yield text.format(name=name)
    if bool(row["input"]) != bool(row["output"]):
        text = _("{name} needs both prices, or none: what is not known is not counted.")
        yield text.format(name=name)


def _price(text: str) -> Decimal | None:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price <= 1_000_000 else None


def _known(row: dict[str, str]) -> Wire:
    known: dict[str, Any] = {"name": row["name"]}
    if row["window"]:
        known["window"] = int(row["window"])
    for price in ("input", "output"):
        if row[price]:
            known[price] = str(_price(row[price]))
    return known

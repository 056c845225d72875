"""Connecting a project to servers with chat models, changing that, and taking it back."""

from dataclasses import dataclass, field

from django.db import transaction

from assistants import refusals
from assistants.errors import Wire
from assistants.models import ModelProvider, Project
from assistants.models.provider import UPSTREAM
from assistants.operations import audit, providers, seals, upstream_mirrors, upstreams
from assistants.operations.providers import Provider, origin


@dataclass(frozen=True)
class Connection:
    """What a person enters. ``api_key`` is empty to keep the one that is there; ``known_models`` is
    as in ``ModelProvider``.
    """

    kind: str
    label: str
    base_url: str
    api_key: str = field(default="", repr=False)
    api_version: str = ""
    known_models: tuple[Wire, ...] = ()


@transaction.atomic
def connect(project: Project, given: Connection) -> ModelProvider:
    """Let the project's runs ask one server more, from now on."""
    row = _filled(ModelProvider(project=project), given)
    row.save(force_insert=True)
    _note("provider.created", row)
    return row


@transaction.atomic
def change(row: ModelProvider, given: Connection) -> ModelProvider:
    """
    :raises Invalid: param ``api_key``: the address is another one, and no key was entered for it
    """
    before, key = origin(row.base_url), seals.unseal(row.sealed_key)
    if row.kind == UPSTREAM and given.kind != UPSTREAM:
        upstreams.forget(row)
    row = _filled(row, given)
    row.save()
    if origin(row.base_url) != before:
        upstream_mirrors.forget_server(row.id)
    elif given.api_key and given.api_key != key:
        upstream_mirrors.forget_files(row.id)
    _note("provider.changed", row, other_key=bool(given.api_key))
    return row


@transaction.atomic
def disconnect(row: ModelProvider) -> None:
    """Forget the server and its key. Assistants keep the names of its models; those that live on
    it stay there.
    """
    _note("provider.deleted", row)
    upstreams.forget(row)
    row.delete()


def tried(project: Project, given: Connection, row: ModelProvider | None) -> Provider:
    """The provider as it would be, without keeping anything.

    :raises Invalid: as ``change``
    """
    return providers.of_row(_filled(row or ModelProvider(project=project), given))


def _note(action: str, row: ModelProvider, **details: bool) -> None:
    address = origin(providers.shown(row.base_url))
    audit.note(action, row.project_id, row, row.label, address=address, **details)


def key_is_lost(row: ModelProvider) -> bool:
    """Whether its key was encrypted under another SECRET_KEY, and has to be entered again."""
    return seals.unseal(row.sealed_key) is None


def _filled(row: ModelProvider, given: Connection) -> ModelProvider:
    if row.sealed_key and not given.api_key and origin(row.base_url) != origin(given.base_url):
        # Else whoever may change an address could have the key sent to a server of their own.
        raise refusals.PROVIDER_KEY_AGAIN(address=origin(row.base_url))
    row.kind, row.label, row.base_url = given.kind, given.label, given.base_url
    row.api_version = given.api_version
    row.known_models = list(given.known_models)
    if given.api_key:
        row.sealed_key = seals.seal(given.api_key)
    return row

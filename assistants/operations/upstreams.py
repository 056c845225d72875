"""The assistants of another Assistants server: taking them over, so that they can be chosen here,
and creating, changing and deleting them there.

A row here is a copy of what the server told last. The server is asked outside of transactions, for
others wait for the database meanwhile; what it answers is what is kept.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

from annotated_types import MaxLen
from django.db import IntegrityError, transaction

from assistants import refusals
from assistants.errors import ApiError, Invalid, NotFound, Wire
from assistants.models import Assistant, ModelProvider, Project, UpstreamAssistant
from assistants.operations import (
    audit,
    provider_client,
    providers,
    tool_resources,
    upstream_calls,
)
from assistants.operations import upstream_shapes as shapes
from assistants.operations.providers import ChatModel, Provider
from assistants.operations.upstream_failures import UpstreamError, late, nonsense
from assistants.params import AssistantCreate, AssistantUpdate, validate
from assistants.text import storable

logger = logging.getLogger(__name__)

FIELDS: Final = (
    *("model", "name", "description", "instructions", "tools", "metadata"),
    *("temperature", "top_p", "response_format", "reasoning_effort"),
)
"""What an assistant is there and here; its files are what each place calls them."""
NOT_NULL: Final[Wire] = {
    "tools": [],
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "response_format": "auto",
}
MAX_ASSISTANTS: Final = 1000
LOOK_SECONDS: Final = 4.0
"""How long somebody who opens a page waits for all servers, beside what is known of them."""
FRESH_SECONDS: Final = 30.0
"""A list of assistants that was asked for so lately is not asked for again."""
ELSEWHERE: Final = re.compile(r"(prov_[A-Za-z0-9]{1,60})/(.{1,256})", re.DOTALL)
"""A model on another server: the provider's id, and the model's name there."""


class Whole(shapes.Shape):
    """An assistant with all that the server told of it."""

    model_config = {"extra": "allow"}

    id: shapes.Id

    @property
    def told(self) -> Wire:
        return self.model_dump(mode="json")


class List(shapes.Shape):
    data: Annotated[list[Whole], MaxLen(MAX_ASSISTANTS)]
    has_more: bool = False


@dataclass(frozen=True)
class Taken:
    """What came of taking over: how many there are, and the ids of those that make no sense."""

    known: int
    unread: list[str]


def found_in(project: Project) -> list[ModelProvider]:
    """The project's servers with assistants of their own, the first connected first."""
    return list(ModelProvider.objects.in_project(project).upstreams().oldest_first())


# Reading


_asked: dict[str, float] = {}
"""When each provider was asked last, by its id; by the process's clock."""


def look_again(project: Project) -> list[str]:
    """Bring the copies of the project's assistants that live elsewhere up to date, unless that was
    done a moment ago. The servers that did not answer, by their names.
    """
    silent: list[str] = []
    now = time.monotonic()
    until, never = now + LOOK_SECONDS, float("-inf")
    rows = [row for row in found_in(project) if now - _asked.get(row.id, never) >= FRESH_SECONDS]
    # Whoever is left out since the time is up comes first when somebody looks again.
    for row in sorted(rows, key=lambda row: _asked.get(row.id, never)):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            take_over(row, left)
        except ApiError:
            silent.append(row.label)
    return silent


def take_over(row: ModelProvider, seconds: float = upstream_calls.SECONDS) -> Taken:
    """Have all assistants of a server here, and none that it has no more.

    :param seconds: how long it may take to answer

    :raises Unavailable: it does not answer
    :raises Invalid: it refuses
    """
    _asked[row.id] = time.monotonic()
    provider = providers.of_row(row)
    # Read before the server is asked: what is created meanwhile is not taken for gone.
    known = {one.upstream_id: one for one in row.assistants.select_related("assistant")}
    with _as_refusals():
        told, is_all = _all(provider, seconds)
    unread: list[str] = []
    for whole in {one.id: one for one in told}.values():
        mine = known.pop(whole.id, None)
        try:
            if mine is None:
                _adopt(row, whole)
            elif mine.seen != whole.told:
                _renew(mine, whole)
        except NotFound:
            continue  # deleted here meanwhile
        except Invalid as error:
            logger.warning("%s of %s: %s", whole.id, row.label, error.message)
            unread.append(whole.id)
    for gone in known.values() if is_all else ():
        gone.assistant.delete()
    return Taken(len(told) - len(unread), unread)


def _all(provider: Provider, seconds: float) -> tuple[list[Whole], bool]:
    """The server's assistants, and whether these are all that it has."""
    client = provider_client.client(provider)
    found: list[Whole] = []
    until = time.monotonic() + seconds
    while len(found) < MAX_ASSISTANTS:
        left = until - time.monotonic()
        if left <= 0:
            raise late(provider.label, seconds)
        more: Any = {"after": found[-1].id} if found else {}
        listing: Any = client.beta.assistants.with_streaming_response.list
        asking = partial(listing, limit=100, timeout=left, **more)
        page = upstream_calls.ask(provider, List, asking, left)
        found += page.data
        if not page.has_more or not page.data:
            return found, True
    return found, False


def fresh(assistant: Assistant) -> Assistant:
    """The assistant as the server has it at this moment.

    :raises Unavailable: it does not answer
    :raises Invalid: it refuses, or what it says makes no sense
    :raises NotFound: it was deleted there; and so it is here
    """
    home = _home(assistant)
    provider = providers.of_row(home.provider)
    asking = partial(_methods(provider).retrieve, home.upstream_id)
    try:
        whole = _ask(provider, asking)
    except UpstreamError as error:
        if error.status == 404:
            assistant.delete()
            raise refusals.not_found(Assistant.noun, assistant.id) from error
        raise upstream_calls.refusal(error) from error
    return _renew(home, whole) if whole.told != home.seen else home.assistant


def models(home: UpstreamAssistant) -> list[ChatModel]:
    """The models that an assistant on this server may have, as far as the server tells."""
    return [ChatModel(name, providers.of_row(home.provider)) for name in _models(home.provider)]


def models_elsewhere(project: Project) -> list[tuple[str, str, str]]:
    """For assistants that are to live elsewhere: what ``create`` takes for a model, its name, and
    its server's.
    """
    return [
        (f"{row.id}/{name}", name, row.label) for row in found_in(project) for name in _models(row)
    ]


def _models(row: ModelProvider) -> list[str]:
    used = row.assistants.values_list("assistant__model", flat=True)
    return list(dict.fromkeys([*providers.names(providers.of_row(row)), *sorted(set(used))]))


# Writing


def is_elsewhere(model: str) -> bool:
    """Whether what was given for a model is one on another server."""
    return ELSEWHERE.fullmatch(model) is not None


def create(project: Project, params: AssistantCreate) -> Assistant:
    """Create an assistant on another server; its model says on which.

    :raises Invalid: there is no such server, or it refuses
    :raises Unavailable: it does not answer
    :raises NotFound: a file or vector store of its tool resources is not there
    """
    matched = ELSEWHERE.fullmatch(params.model)
    row = matched and (
        ModelProvider.objects.in_project(project).upstreams().filter(pk=matched[1]).first()
    )
    if not matched or row is None:
        raise refusals.MODEL_UNKNOWN(name=params.model)
    given = params.model_dump(mode="json", by_alias=True)
    resources = tool_resources.stored(project, given["tool_resources"], given["tools"] or [])
    body = {name: given[name] for name in FIELDS if given[name] is not None}
    provider = providers.of_row(row)
    before = set(row.assistants.values_list("upstream_id", flat=True))
    with _as_refusals():
        whole = _ask(provider, partial(_methods(provider).create, **body | {"model": matched[2]}))
        if whole.id in before:
            raise nonsense(row.label, "an assistant that was there before")
    with transaction.atomic():
        assistant = _adopt(row, whole, resources)
        audit.note("assistant.created", project, assistant)
    return assistant


def change(assistant: Assistant, params: AssistantUpdate) -> Assistant:
    """Change the named fields where the assistant lives. Its files are given to the server with its
    next run.

    :raises Invalid: the server refuses
    :raises Unavailable: it does not answer
    :raises NotFound: a file or vector store of its tool resources is not there
    """
    home = _home(assistant)
    given = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    provider, row = providers.of_row(home.provider), home.assistant
    resources = row.tool_resources
    if "tools" in given or "tool_resources" in given:
        resources = tool_resources.stored(
            row.project,
            given.get("tool_resources", resources),
            given.get("tools", row.tools) or [],
            before=resources,
        )
    body = {
        name: NOT_NULL.get(name) if given[name] is None else given[name]
        for name in FIELDS
        if name in given
    }
    update: Any = _methods(provider).update
    # Without a field to change it is asked all the same: what it has now is what is kept.
    asking = partial(update, home.upstream_id, extra_body=body)
    with _as_refusals():
        whole = _ask(provider, asking)
        if whole.id != home.upstream_id:
            raise nonsense(provider.label, "another assistant than was changed")
    before = {name: getattr(row, name) for name in (*FIELDS, "tool_resources")}
    with transaction.atomic():
        renewed = _renew(home, whole, resources)
        changed = sorted(name for name in given if before.get(name) != getattr(renewed, name, None))
        if changed:
            audit.note("assistant.changed", renewed.project, renewed, fields=changed)
    return renewed


def delete_there(assistant: Assistant) -> None:
    """Delete it where it lives; here it stays.

    :raises Invalid: the server refuses
    :raises Unavailable: it does not answer
    """
    home = _home(assistant)
    provider = providers.of_row(home.provider)
    asking = partial(_methods(provider).delete, home.upstream_id)
    try:
        upstream_calls.ask(provider, shapes.Named, asking)
    except UpstreamError as error:
        if error.status != 404:
            raise upstream_calls.refusal(error) from error


def forget(row: ModelProvider) -> None:
    """Forget the assistants of a server that is disconnected; there they stay."""
    Assistant.objects.filter(upstream__provider=row).delete()


# Copies


def _adopt(row: ModelProvider, whole: Whole, resources: Wire | None = None) -> Assistant:
    """Keep a copy of an assistant; where somebody else has made one at this moment, that is it.

    :raises Invalid: what the server says makes no sense
    :raises NotFound: the copy of somebody else is gone again
    """
    try:
        return _made(row, whole, resources)
    except IntegrityError:
        related = row.assistants.select_related("assistant__project")
        home = related.filter(upstream_id=whole.id).first()
        if home is None:
            raise
    return _renew(home, whole, resources)


@transaction.atomic
def _made(row: ModelProvider, whole: Whole, resources: Wire | None) -> Assistant:
    fields = _fields(whole)
    if resources is None:
        resources = tool_resources.stored(row.project, None, fields["tools"])
    assistant = Assistant(project=row.project, **fields, tool_resources=resources)
    created = whole.told.get("created_at")
    if isinstance(created, int) and 0 < created < datetime.now(UTC).timestamp():
        assistant.created_at = datetime.fromtimestamp(created, UTC)
    assistant.save(force_insert=True)
    UpstreamAssistant.objects.create(
        assistant=assistant, provider=row, upstream_id=whole.id, seen=whole.told
    )
    return assistant


@transaction.atomic
def _renew(home: UpstreamAssistant, whole: Whole, resources: Wire | None = None) -> Assistant:
    """
    :raises Invalid: what the server says makes no sense
    :raises NotFound: the copy was deleted meanwhile
    """
    row = Assistant.objects.select_for_update().filter(pk=home.pk).first()
    if row is None:
        raise refusals.not_found(Assistant.noun, home.pk)
    fields = _fields(whole)
    if resources is None:
        resources = tool_resources.stored(row.project, {}, fields["tools"], row.tool_resources)
    for name, value in {**fields, "tool_resources": resources}.items():
        setattr(row, name, value)
    row.save(update_fields=[*fields, "tool_resources"])
    home.seen = whole.told
    home.save(update_fields=["seen"])
    return Assistant.objects.select_related("upstream__provider", "project").get(pk=row.pk)


def _fields(whole: Whole) -> Wire:
    """The fields of an assistant, held to the rules that hold for those that live here.

    :raises Invalid: it breaks one
    """
    told = whole.told
    body = {name: told[name] for name in FIELDS if told.get(name) is not None}
    given = validate(AssistantCreate, body).model_dump(mode="json", by_alias=True)
    given = {name: given[name] for name in FIELDS}
    for name in ("name", "description", "instructions", "model"):
        given[name] = given[name] and storable(given[name])
    return {
        name: NOT_NULL[name] if value is None and name in NOT_NULL else value
        for name, value in given.items()
    }


def _home(assistant: Assistant) -> UpstreamAssistant:
    related = UpstreamAssistant.objects.select_related("provider", "assistant__project")
    return related.get(pk=assistant.pk)


def _methods(provider: Provider) -> Any:
    client = provider_client.client(provider).with_options(timeout=upstream_calls.SECONDS)
    return client.beta.assistants.with_streaming_response


def _ask(provider: Provider, asking: Callable[[], Any]) -> Whole:
    return upstream_calls.ask(provider, Whole, asking)


@contextmanager
def _as_refusals() -> Iterator[None]:
    try:
        yield
    except UpstreamError as error:
        raise upstream_calls.refusal(error) from error

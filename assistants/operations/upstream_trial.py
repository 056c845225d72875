"""Trying another Assistants server: is the address right, the key; which version of the API does it
speak, which assistants has it, with which tools? Nothing is made there.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from assistants.errors import Wire
from assistants.operations import provider_client, upstream_calls
from assistants.operations import upstream_shapes as shapes
from assistants.operations.providers import Provider
from assistants.operations.trial import Report
from assistants.operations.upstream_failures import UpstreamError
from assistants.operations.upstreams import List, Whole

SHOWN: Final = 5
NAMES: Final = {
    "code_interpreter": "code interpreter",
    "file_search": "file search",
    "retrieval": "file search",
    "function": "functions",
}


def run(provider: Provider) -> Report:
    """Try a server."""
    report = Report()
    client = provider_client.client(provider).with_options(timeout=upstream_calls.SECONDS)
    listing: Any = client.beta.assistants.with_streaming_response.list
    try:
        found = upstream_calls.ask(provider, List, partial(listing, limit=100))
    except UpstreamError as error:
        _refused(error, report)
        return report
    report.add("Address", True, "It answers.")
    report.add("Key", True, "It is accepted.")
    stores: Any = client.vector_stores.with_streaming_response.list
    has_stores = _answers(provider, partial(stores, limit=1))
    _version(provider, found.data, report, has_stores=has_stores)
    _assistants(found, report)
    _tools(found.data, report, has_stores=has_stores)
    return report


def _refused(error: UpstreamError, report: Report) -> None:
    if error.status in (401, 403):
        report.add("Address", True, "It answers.")
        report.add("Key", False, error.message)
    elif error.status == 404:
        report.add("Address", False, "There is no Assistants API at this address.")
    else:
        report.add("Address", False, error.message)


def _version(provider: Provider, found: list[Whole], report: Report, *, has_stores: bool) -> None:
    first = any("file_ids" in one.told and "tool_resources" not in one.told for one in found)
    if first or not has_stores:
        said = "It speaks the first version of the API, which is not enough: version 2 is needed."
        report.add("API version", False, said)
    elif provider.api_version:
        report.add("API version", True, f"Version 2, at Azure's addresses, {provider.api_version}.")
    else:
        report.add("API version", True, "Version 2.")


def _assistants(found: List, report: Report) -> None:
    names = [str(one.told.get("name") or one.id)[:60] for one in found.data]
    count = f"{len(names)} or more" if found.has_more else str(len(names))
    if not names:
        report.add("Assistants", True, "It has none yet.")
    elif len(names) <= SHOWN and not found.has_more:
        report.add("Assistants", True, f"It has {count}: {', '.join(names)}.")
    else:
        said = f"It has {count}: {', '.join(names[:SHOWN])} and others."
        report.add("Assistants", True, said)


def _tools(found: list[Whole], report: Report, *, has_stores: bool) -> None:
    tools = {NAMES[kind] for one in found for kind in _kinds(one.told)}
    if has_stores:
        tools.add(NAMES["file_search"])
    if tools:
        said = f"Seen there: {', '.join(sorted(tools))}."
        report.add("Tools", True, said)
    else:
        report.add("Tools", None, "None was seen: that shows once it has assistants with tools.")


def _kinds(told: Wire) -> Iterator[str]:
    tools = told.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind in NAMES:
            yield kind


def _answers(provider: Provider, asking: Any) -> bool:
    try:
        upstream_calls.ask(provider, shapes.Page[shapes.Named], asking)
    except UpstreamError:
        return False
    return True

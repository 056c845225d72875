"""Ends on another Assistants server what has ended here: a run that was cancelled while no worker
held it, or whose time was over.
"""

import logging

from assistants.engine.executing import Services
from assistants.engine.upstream.beginning import Beginner, cancel
from assistants.engine.upstream.client import Upstream
from assistants.operations import upstream_mirrors
from assistants.operations.upstream_failures import UpstreamError

logger = logging.getLogger(__name__)


async def end_there(services: Services, run_id: str) -> None:
    """Cancel the run there, if it may still go on. What fails is tried again by the sweep."""
    mirrored = await services.database(upstream_mirrors.to_end, run_id)
    if mirrored is None:
        return
    thread_id = mirrored.thread_upstream_id
    try:
        provider = await services.database(upstream_mirrors.provider_of, mirrored)
        upstream = Upstream(provider, services.asking.clients.of(provider))
        there = mirrored.upstream_id
        if not there:
            found = await Beginner(mirrored.run, upstream, services.database).find(thread_id)
            there = found.id if found else ""
        if there:
            await cancel(upstream, thread_id, there)
    except UpstreamError as error:
        logger.warning("%s is not cancelled on %s: %s", run_id, mirrored.label, error.message)
        if error.may_pass or error.status in (401, 403):
            return
    await services.database(upstream_mirrors.note_over, mirrored)

"""Runs the API's views on threads of its own.

Django gives every request a new thread, and so a new connection to the database: for SQLite that
takes longer than most requests do. Here a few threads stay, and each keeps its connection.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final

from django.db import connections
from django.http.response import HttpResponseBase
from django.urls import resolve

from assistants.api import dialects, problems
from assistants.api.request import ApiRequest

THREADS: Final = 16
URLS: Final = "assistants.api.urls"

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")


async def answer(request: ApiRequest) -> HttpResponseBase:
    """What the API answers to the request, whose path is one under ``/v1``."""
    return await asyncio.get_running_loop().run_in_executor(
        _threads, copy_context().run, _answer, request
    )


def _answer(request: ApiRequest) -> HttpResponseBase:
    try:
        match = resolve(request.path_info, URLS)
        if not dialects.has(request.dialect, match.route):
            raise problems.unknown_address(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except Exception as error:
        response = problems.answer(request, problems.understood(request, error))
    finally:
        _let_go()
    return response


def _let_go() -> None:
    """Keep an SQLite connection that is in order. Others go back to their pool, or are closed."""
    for connection in connections.all(initialized_only=True):
        if (
            connection.vendor != "sqlite"
            or connection.errors_occurred
            or connection.in_atomic_block
        ):
            connection.close()

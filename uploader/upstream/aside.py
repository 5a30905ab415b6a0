"""Threads of an upstream's own: what is done for it keeps nothing waiting that is here."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

THREADS = 8

P = ParamSpec("P")
T = TypeVar("T")


class Aside:
    """Calls what would hold up the event loop. Threads are begun as they are needed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "upstream")

    async def __call__(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **named))

    def close(self) -> None:
        self._threads.shutdown(wait=False)

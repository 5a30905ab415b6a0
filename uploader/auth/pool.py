"""What is slow by design, such as bcrypt: a few at a time, beside everything else, and fairly among addresses."""

import asyncio
import contextlib
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

THREADS = max(1, (os.cpu_count() or 1) // 2)
NICENESS = 10  # of these threads: whatever else there is to do comes first
OF_ONE, OF_ALL = 8, 64  # that wait or run, of one address and of all


class Busy(Exception):
    """Too many are waiting; nothing was done."""


class Pool:
    """Of each address one runs at a time: others wait behind an address, never behind its queue."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "password", initializer=_be_nice)
        self._waiting: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Lock] = {}

    async def run(self, address: str, work: Callable[[], bool]) -> bool:
        """What `work` finds; Busy where too many wait."""
        if self._waiting[address] >= OF_ONE or self._waiting.total() >= OF_ALL:
            raise Busy
        async with self._turn(address):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextlib.asynccontextmanager
    async def _turn(self, address: str) -> AsyncIterator[None]:
        self._waiting[address] += 1
        try:
            async with self._turns.setdefault(address, asyncio.Lock()):
                yield
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address], self._turns[address]

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

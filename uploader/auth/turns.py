"""Whose turn it is, where checking takes long: fairly among addresses, and never too many."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

OF_ONE, OF_ALL = 8, 64  # that wait or have their turn, of one address and of all


class Busy(Exception):
    """Too many are waiting; nothing was done."""


class Turns:
    """Each address has one at a time: others wait behind an address, never behind its queue."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for one, and have it; Busy where too many wait."""
        if self._waiting[address] >= OF_ONE or self._waiting.total() >= OF_ALL:
            raise Busy
        self._waiting[address] += 1
        try:
            async with self._turns.setdefault(address, asyncio.Lock()):
                yield
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address], self._turns[address]

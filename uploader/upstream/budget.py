"""How much of an upstream is kept: no more than the policy has; what was used longest ago goes first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from uploader.upstream.aside import Aside
from uploader.upstream.client import Unreachable
from uploader.upstream.kept import IN_USE, prune
from uploader.upstream.sought import Sought

PATIENCE = 60.0  # seconds
SPARE = 0.9  # of what there may be is left by who makes room, so that not everybody has to


class Room:
    """For one file or page: what was reserved, and what of it is kept, in bytes."""

    def __init__(self, budget: "Budget", sought: Sought) -> None:
        self._budget = budget
        self._sought = sought
        self.reserved = 0
        self.kept = 0

    async def take(self, size: int) -> None:
        """Wait until there is room for as many bytes; Unreachable where there is none for long."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._budget.reserve(self._sought, size)
        except TimeoutError as error:
            raise Unreachable("upstream_cache has no room beside what is being fetched", was_answered=True) from error
        self.reserved += size

    async def grow(self, size: int) -> None:
        """The same for more of it, which waits for nobody: two that have some could wait for each other."""
        await self._budget.reserve(self._sought, size, waits=False)
        self.reserved += size


class Budget:
    """Counts what is on its way, and what was added since all was looked at last. Belongs to the event loop."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._totals: dict[str, int] = {}  # by repository, in bytes; nobody knows of others
        self._coming: dict[str, int] = {}
        self._later: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def room(self, sought: Sought) -> AsyncIterator[Room]:
        """Room that is taken meanwhile; afterwards of what is kept alone."""
        room, name = Room(self, sought), sought.repository.name
        try:
            yield room
        finally:
            async with self._changed:
                self._coming[name] = self._coming.get(name, 0) - room.reserved
                if name in self._totals:
                    self._totals[name] += room.kept
                self._changed.notify_all()

    async def reserve(self, sought: Sought, size: int, *, waits: bool = True) -> None:
        """Wait until there can be room for as many bytes beside all others that are on their way, and make it.

        Unreachable where nobody `waits` and there is none.
        """
        name, limit = sought.repository.name, sought.policy.upstream_cache
        async with self._changed:
            if not waits and self._coming.get(name, 0) + size > limit:
                raise Unreachable("upstream_cache has no room beside what is being fetched", was_answered=True)
            await self._changed.wait_for(lambda: self._coming.get(name, 0) + size <= max(limit, size))
            self._coming[name] = self._coming.get(name, 0) + size
            try:
                if self._totals.get(name, limit) + self._coming[name] > limit:
                    await self._make_room(sought)
            except BaseException:
                self._coming[name] -= size
                raise

    async def _make_room(self, sought: Sought) -> None:
        """What is in use now is removed later."""
        name, limit = sought.repository.name, sought.policy.upstream_cache
        room = max(int(limit * SPARE) - self._coming[name], 0)
        self._totals[name] = await self._aside(prune, sought.repository, room)
        if self._totals[name] + self._coming[name] > limit and name not in self._later:
            self._later[name] = asyncio.create_task(self._make_room_later(sought))

    async def _make_room_later(self, sought: Sought) -> None:
        await asyncio.sleep(2 * IN_USE)
        del self._later[sought.repository.name]
        with contextlib.suppress(OSError):
            await self.reserve(sought, 0)

    async def close(self) -> None:
        """Do nothing later."""
        for task in (later := list(self._later.values())):
            task.cancel()
        await asyncio.gather(*later, return_exceptions=True)

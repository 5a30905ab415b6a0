"""How much of an upstream is kept: no more than the policy has; what was used longest ago goes first."""

import asyncio

from uploader.upstream.kept import prune
from uploader.upstream.sought import Sought


class Budget:
    """Counts what is added since all was looked at last. Belongs to the event loop."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}  # by repository, in bytes
        self._turn = asyncio.Lock()

    async def add(self, sought: Sought, size: int) -> None:
        """As many bytes were added."""
        name, limit = sought.repository.name, sought.policy.upstream_cache
        async with self._turn:
            total = self._totals.get(name, limit) + size  # nobody knows yet: look
            self._totals[name] = total if total <= limit else await asyncio.to_thread(prune, sought.repository, limit)

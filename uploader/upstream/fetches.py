"""The files that are being fetched: each of them once, however many want it."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from uploader.upstream.aside import Aside
from uploader.upstream.budget import Budget
from uploader.upstream.client import Client
from uploader.upstream.detail import Source
from uploader.upstream.fetch import Fetch
from uploader.upstream.sought import Sought

log = logging.getLogger(__name__)

MOST = 32  # at once; others wait for one of these to end


class Fetches:
    """Of all repositories, by where they will be kept."""

    def __init__(self, client: Client, budget: Budget, aside: Aside) -> None:
        self._client = client
        self._budget = budget
        self._aside = aside
        self._fetches: dict[Path, Fetch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MOST)

    def begin(self, sought: Sought, source: Source, target: Path) -> Fetch:
        """The one that is under way, or a new one."""
        if target not in self._fetches:
            fetch = self._fetches[target] = Fetch(source, target, sought.policy.upstream_cache, self._aside)
            task = asyncio.create_task(self._run(sought, fetch))
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, fetch))
        return self._fetches[target]

    async def _run(self, sought: Sought, fetch: Fetch) -> None:
        async with self._room, self._budget.room(sought) as room:
            await fetch.run(self._client, sought.origins, room)
        digest = fetch.source.digest
        said = " ".join(digest) if digest else "no digest was said"
        log.info("fetched %s for %s: %s", fetch.source.shown, sought.project, said)

    def _end(self, fetch: Fetch, task: "asyncio.Task[None]") -> None:
        self._fetches.pop(fetch.target, None)
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("could not fetch a file: %s", error)

    async def close(self) -> None:
        """End what is under way."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

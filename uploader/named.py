"""Makes the directory of each repository and file store that `larder.toml` names: which there are the disk says."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

from aiohttp import web

from store.current import InForce
from store.data import Data
from store.policy import Policies

log = logging.getLogger(__name__)

TICK = 0.2  # seconds between two looks at the policy


class Named:
    """Once at a start, and for each policy that is put in force: what people remove meanwhile stays removed.

    What root has made meanwhile is to be handed over to the uploader: who can do so is told, once for each directory.
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._policies = InForce(data)
        self._asked: set[tuple[int, int, int]] = set()  # device, inode and time of change

    async def keeping(self, _: web.Application) -> AsyncIterator[None]:
        """As long as the application runs."""
        task = asyncio.create_task(self._keep())
        yield
        task.cancel()

    async def _keep(self) -> None:
        made: Policies | None = None
        while True:
            policies = self._policies.read()  # put in force again where other repositories are there now
            if policies is not None and policies != made:
                made = policies if await asyncio.to_thread(make_named, self._data, policies) else None
            with contextlib.suppress(OSError):
                self._ask_for_roots()
            await asyncio.sleep(TICK)

    def _ask_for_roots(self) -> None:
        roots = set()
        for directory in self._data.written():
            with contextlib.suppress(OSError):
                facts = directory.stat()
                if facts.st_uid == 0 and not os.access(directory, os.W_OK):
                    roots.add((facts.st_dev, facts.st_ino, facts.st_ctime_ns))
        if roots - self._asked:
            self._data.handed_over.unlink(missing_ok=True)
        self._asked = roots


def make_named(data: Data, policies: Policies) -> bool:
    """Make those that are not there; False where one cannot be made, and `/health` says why."""
    is_done = True
    for name in policies.by_name:
        directory = data.directory_of(name)
        try:
            if not data.has(name):
                directory.mkdir(parents=True)
                log.info("made %s, which %s names", directory, data.policy)
        except OSError as error:
            log.debug("cannot make %s, which %s names: %s", directory, data.policy, error.strerror)
            is_done = False
    return is_done

"""What passes between a change and the indexer: what was checked, and when a page shows it. Read your writes."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

from store.data import Data
from store.heartbeat import ALIVE, read_heartbeat
from store.listing import find_listed, listing_version
from store.messages import Checked, Published, Wanted
from store.names import PROVENANCE
from store.repository import Repository
from uploader.channel import Caller
from uploader.upload.store import Storable

LOOK = 0.05  # seconds between two looks at a page that nobody told of


class Listings:
    """Waits for pages: told of them by the indexer, and looking now and then, should it be silent."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._caller = Caller(data.channel, self._hear)
        self._awaited: dict[Published, set[asyncio.Event]] = {}

    def reach(self) -> bool:
        """Whether the indexer is there to be told; tries to reach it, now and then, where it is not."""
        return self._caller.connect()

    def tell(self, told: Checked | Wanted) -> None:
        """On any thread."""
        self._caller.tell(told)

    async def wait(
        self, repository: Repository, project: str, shows: Callable[[], bool], seen: str | None, patience: float
    ) -> bool:
        """True once the project's page shows it; False after `patience` seconds, or with no indexer to list it.

        The page that was `seen` does not.
        """

        def is_shown() -> bool:
            nonlocal seen
            version = listing_version(repository, project)
            is_new, seen = version != seen, version
            return is_new and shows()

        return await self.wait_until(Published(repository.name, project), is_shown, patience)

    async def wait_until(self, published: Published, is_so: Callable[[], bool], patience: float) -> bool:
        """True once it is so, which may be told of as `published`; False as above."""
        deadline, is_reached = time.monotonic() + patience, self.reach()
        with self._expect(published) as told:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0 or not (is_reached or self._is_alive()):
                    return False
                is_reached = False  # there is a reason to ask, the next time
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK)):
                        await told.wait()
                told.clear()
            return True

    def _is_alive(self) -> bool:
        self.reach()
        return read_heartbeat(self._data)[1] <= ALIVE

    @contextlib.contextmanager
    def _expect(self, published: Published) -> Iterator[asyncio.Event]:
        told = asyncio.Event()
        events = self._awaited.setdefault(published, set())
        events.add(told)
        try:
            yield told
        finally:
            events.discard(told)
            if not events:
                self._awaited.pop(published, None)

    def _hear(self, published: Published) -> None:
        for told in self._awaited.get(published, ()):
            told.set()

    def close(self) -> None:
        self._caller.close()


def is_listed(repository: Repository, candidate: Storable) -> bool:
    """With the bytes that it has, and with what is attested of them."""
    found = find_listed(repository, candidate.project, candidate.path.name)
    if found is None or found.digest != candidate.digest:
        return False
    return found.attested or PROVENANCE not in candidate.beside

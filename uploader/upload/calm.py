"""The threads that the disk works by for uploads; and what is done when none is under way any more."""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from store.memory import give_back

PAUSE = 3.0  # seconds without uploads
THREADS = 16  # uploads that the disk works for at once


class Calm:
    """Gives back memory and threads that uploads took, once there have been none for a moment. Of the event loop."""

    def __init__(self) -> None:
        self.threads = _create_threads()
        self._under_way = 0
        self._due: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def disturbed(self) -> Iterator[None]:
        """While an upload is under way."""
        self._under_way += 1
        if self._due:
            self._due.cancel()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._due = asyncio.get_running_loop().call_later(PAUSE, self._rest)

    def _rest(self) -> None:
        self.close()
        self.threads = _create_threads()
        give_back()

    def close(self) -> None:
        """Have no threads that do nothing."""
        self.threads.shutdown(wait=False)


def _create_threads() -> ThreadPoolExecutor:
    """They are begun as they are needed."""
    return ThreadPoolExecutor(THREADS, "upload")

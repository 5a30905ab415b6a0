"""What is done when no upload is under way any more."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from store.memory import give_back

PAUSE = 3.0  # seconds without uploads


class Calm:
    """Gives back the memory that uploads took, once there have been none for a moment. Belongs to the event loop.

    `rest` is called before that.
    """

    def __init__(self, rest: Callable[[], object]) -> None:
        self._rest = rest
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
                self._due = asyncio.get_running_loop().call_later(PAUSE, self._give_back)

    def _give_back(self) -> None:
        self._rest()
        give_back()

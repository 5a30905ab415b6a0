"""How far a long reading is, said every few seconds."""

import logging
import time

log = logging.getLogger(__name__)


class Progress:
    """Says how far a long reading is, every few seconds."""

    def __init__(self, every: float = 2.0) -> None:
        self._every = every
        self._done = self._all = 0
        self._said = 0.0

    def expect(self, count: int) -> None:
        self._all += count

    def add(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._done == self._all or now - self._said >= self._every:
            self._said = now
            log.info("read %d of %d files", self._done, self._all)
        if self._done == self._all:
            self._done = self._all = 0

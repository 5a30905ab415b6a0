"""Comparing everything that is known with the disk, believing nothing else: a slice at a time."""

import logging
import time
from itertools import islice
from pathlib import Path

from indexer.scan import Seen, scan
from indexer.tracker import Tracker
from store.identity import Identity
from store.repository import Repository

log = logging.getLogger(__name__)

SLICE = 1000  # files of one step


class Reconciler:
    """Goes through `packages/` when it is asked to, and every `interval` seconds. Times are monotonic seconds.

    What comes and goes meanwhile is looked at for itself, so the order is no matter.
    """

    def __init__(self, repository: Repository, tracker: Tracker, interval: float) -> None:
        self._packages = repository.packages
        self._tracker = tracker
        self._interval = interval
        self._due = float("inf")
        self._pass: _Pass | None = None
        self.rounds = 0  # that are over

    @property
    def is_going_on(self) -> bool:
        return self._pass is not None

    def request(self, now: float) -> None:
        """Compare everything soon."""
        self._due = min(self._due, now)

    def step(self, now: float) -> set[str]:
        """Go on where a comparison is due; the projects that this makes dirty."""
        if self._pass is None:
            if now < self._due:
                return set()
            self._due = float("inf")
            self._pass = _Pass(self._packages, self._tracker)
        dirty = self._pass.step()
        if self._pass.is_over:
            self._pass.log()
            self._pass, self._due = None, min(self._due, now + self._interval)
            self.rounds += 1
        return dirty


class _Pass:
    """One comparison."""

    def __init__(self, packages: Path, tracker: Tracker) -> None:
        self._tracker = tracker
        self._scan = scan(packages)
        self._seen: set[str] = set()
        self._closed: list[Seen] = []
        self._unread: dict[str, Identity] = {}
        self._began, self._read = time.monotonic(), tracker.read
        self.is_over = False

    def step(self) -> set[str]:
        part = list(islice(self._scan, SLICE))
        self._seen |= {each.path for each in part}
        self._closed += [each for each in part if each.is_closed]
        dirty = self._tracker.reconcile(part, self._unread)
        if len(part) < SLICE:
            dirty |= self._tracker.read_all(self._unread)
            dirty |= self._tracker.forget(self._gone(), self._closed)
            self.is_over = True
        return dirty

    def _gone(self) -> set[str]:
        """What is known and was not seen, but for what came while the scan went on."""
        return {path for path in self._tracker.index.paths() - self._seen if not self._tracker.is_there(path)}

    def log(self) -> None:
        seconds = time.monotonic() - self._began
        read = self._tracker.read - self._read
        log.info(
            "reconciled %d files in %.1f s: %d read, %d being read",
            len(self._seen),
            seconds,
            read,
            self._tracker.unread,
        )

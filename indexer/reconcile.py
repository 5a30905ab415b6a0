"""Comparing everything that is known with the disk, believing nothing else: a slice at a time."""

import logging
import time
from itertools import islice
from pathlib import Path

from indexer.comparison import Comparison
from indexer.scan import Seen, scan
from indexer.state import State
from indexer.tracker import Tracker
from store.identity import Identity
from store.repository import Repository

log = logging.getLogger(__name__)

SLICE = 2000  # files of one step


class Reconciler:
    """Goes through `packages/` when it is asked to, and every `interval` seconds. Times are monotonic seconds.

    What comes and goes meanwhile is looked at for itself, so the order is no matter.
    """

    def __init__(self, repository: Repository, state: State, tracker: Tracker, interval: float) -> None:
        self._packages = repository.packages
        self._comparison = Comparison(state)
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
            self._pass = _Pass(self._packages, self._comparison, self._tracker)
        dirty = self._pass.step()
        if self._pass.is_over:
            self._pass.log()
            self._pass, self._due = None, min(self._due, now + self._interval)
            self.rounds += 1
        return dirty


class _Pass:
    """One comparison: first everything there is is seen, and then what differs from what is known is looked at."""

    def __init__(self, packages: Path, comparison: Comparison, tracker: Tracker) -> None:
        self._comparison = comparison
        self._tracker = tracker
        self._scan = scan(packages)
        self._closed: list[Seen] = []
        self._count = 0
        self._is_scanned = False
        self._after = ""
        self._began, self._read = time.monotonic(), tracker.read
        self.is_over = False
        comparison.begin()

    def step(self) -> set[str]:
        return self._compare() if self._is_scanned else self._see()

    def _see(self) -> set[str]:
        part = list(islice(self._scan, SLICE))
        self._count += len(part)
        self._closed += [each for each in part if each.is_closed]
        self._comparison.note((each.path, each.identity) for each in part)
        self._is_scanned = len(part) < SLICE
        unreadable = [each for each in part if each.identity is None]
        return self._tracker.reconcile(unreadable, {}) if unreadable else set()

    def _compare(self) -> set[str]:
        unread: dict[str, Identity] = {}
        part = self._comparison.differing(self._after, SLICE)
        dirty = self._tracker.reconcile((Seen(path, identity) for path, identity in part), unread)
        self._tracker.read_all(unread)
        if len(part) < SLICE:
            dirty |= self._tracker.forget(self._gone(), self._closed)
            self._comparison.end()
            self.is_over = True
        else:
            self._after = part[-1][0]
        return dirty

    def _gone(self) -> list[str]:
        """What is known and was not seen, but for what came while the scan went on."""
        return [path for path in self._comparison.unseen() if not self._tracker.is_there(path)]

    def log(self) -> None:
        seconds = time.monotonic() - self._began
        read = self._tracker.read - self._read
        log.info(
            "reconciled %d files in %.1f s: %d read, %d being read", self._count, seconds, read, self._tracker.unread
        )

"""Comparing everything that is known with the disk, believing nothing else: a slice at a time."""

import logging
import time
from pathlib import Path

from indexer.comparison import differing, gone
from indexer.scan import Seen, look_at, walk
from indexer.state import State
from indexer.tracker import Tracker
from store.identity import Identity
from store.names import collation_key
from store.repository import Repository

log = logging.getLogger(__name__)

SLICE = 2000  # files of one step


class Reconciler:
    """Goes through `packages/` when it is asked to, and every `interval` seconds. Times are monotonic seconds.

    It takes one project after another. What comes and goes meanwhile is looked at for itself.
    """

    def __init__(self, repository: Repository, state: State, tracker: Tracker, interval: float) -> None:
        self._packages = repository.packages
        self._state = state
        self._tracker = tracker
        self._interval = interval
        self._due = float("inf")
        self._pass: _Pass | None = None
        self._waiting: set[str] = set()  # projects that were asked for and not come by yet
        self.rounds, self.ended = 0, float("-inf")  # that are over, and when the last of them was

    @property
    def is_going_on(self) -> bool:
        return self._pass is not None

    @property
    def ahead(self) -> int:
        """Files that are not compared yet."""
        return self._pass.ahead if self._pass else 0

    def request(self, now: float) -> None:
        """Compare everything soon."""
        self._due = min(self._due, now)

    def awaits(self, project: str) -> bool:
        """Whether files that may be the project's were not come by since the start; once they were it is dirty."""
        is_ahead = not self.rounds and (self._pass is None or not self._pass.is_past(project))
        if is_ahead:
            self._waiting.add(project)
        return is_ahead

    def step(self, now: float) -> set[str]:
        """Go on where a comparison is due; the projects that this makes dirty."""
        if self._pass is None:
            if now < self._due:
                return set()
            self._due = float("inf")
            self._pass = _Pass(self._packages, self._state, self._tracker)
        dirty = self._pass.step()
        if self._pass.is_over:
            self._pass.log()
            self._pass, self._due = None, min(self._due, now + self._interval)
            self.rounds, self.ended = self.rounds + 1, now
        return dirty | self._come_by()

    def _come_by(self) -> set[str]:
        waiting, self._waiting = self._waiting, set()
        return {project for project in waiting if not self.awaits(project)}


class _Pass:
    """One comparison: all paths that there are, and then slice by slice what lies there and is not known as it is."""

    def __init__(self, packages: Path, state: State, tracker: Tracker) -> None:
        self._packages = packages
        self._state = state
        self._tracker = tracker
        self._began, self._read = time.monotonic(), tracker.read
        self._found = sorted(walk(packages), key=_order)
        self._at = 0  # how many of these are compared
        self._there: set[str] = set()
        self._closed: list[Seen] = []
        self.is_over = False

    @property
    def ahead(self) -> int:
        return len(self._found) - self._at

    def is_past(self, project: str) -> bool:
        """Whether all that can be the project's was compared."""
        end = f"{project}."  # is after all that begins with the project and a dash
        return self._at > 0 and _order(self._found[self._at - 1]) > end

    def step(self) -> set[str]:
        """Compare the next slice; the projects that this makes dirty."""
        slice_ = self._found[self._at : self._at + SLICE]
        self._at += len(slice_)
        dirty = self._compare([seen for each in slice_ if (seen := self._see(each))])
        if not self.ahead:
            dirty |= self._tracker.forget(self._gone(), self._closed)
            self.is_over = True
        return dirty

    def _see(self, found: str | Seen) -> Seen | None:
        return look_at(self._packages, found) if isinstance(found, str) else found

    def _compare(self, part: list[Seen]) -> set[str]:
        unread: dict[str, Identity] = {}
        self._there.update(each.path for each in part)
        self._closed += [each for each in part if each.is_closed]
        readable = [(each.path, each.identity) for each in part if each.identity]
        dirty = self._tracker.reconcile((each for each in part if not each.identity), unread)
        dirty |= self._tracker.reconcile((Seen(*each) for each in differing(self._state, readable)), unread)
        self._tracker.read_all(unread)
        return dirty

    def _gone(self) -> list[str]:
        """What is known and was not seen, but for what came meanwhile."""
        return [path for path in gone(self._state, self._there) if not self._tracker.is_there(path)]

    def log(self) -> None:
        seconds = time.monotonic() - self._began
        read = self._tracker.read - self._read
        log.info(
            "reconciled %d files in %.1f s: %d read, %d being read",
            len(self._there), seconds, read, self._tracker.unread,
        )  # fmt: skip


def _order(found: str | Seen) -> str:
    path = found if isinstance(found, str) else found.path
    return collation_key(path.rpartition("/")[2])

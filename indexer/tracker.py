"""Keeps the index as `packages/` has it: scan, then the facts that are known or an inspection."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from indexer.backoff import Backoff
from indexer.index import Index
from indexer.inspect import Inspection, inspect
from indexer.learnt import Learnt
from indexer.model import Rejected
from indexer.pool import Broken, Inspected, InspectionPool
from indexer.scan import Seen, scan
from indexer.state import State
from indexer.texts import RecentTexts
from indexer.unread import BESIDE, LATER, SOON, Unread
from store.archive.budget import HERE_AND_NOW, TooMuch
from store.distribution import Distribution
from store.identity import NO_IDENTITY, Identity
from store.messages import Checked
from store.repository import Repository

log = logging.getLogger(__name__)

FEW = 256  # files that are read at once, as far as each is small
ALONE = 64  # of these, those that are read here alone: a process of the pool would only be starting
SLICE = 0.02  # seconds of one step


class Tracker:
    """What is looked at becomes known: soon where it is little, by way of the pool where it is much.

    Methods answer which projects' pages this makes dirty.
    """

    def __init__(
        self, repository: Repository, state: State, index: Index, report: Callable[[Inspected | Broken], None]
    ) -> None:
        self._packages = repository.packages
        self._unread = Unread(state)
        self._learnt = Learnt(state)
        self._pool = InspectionPool(repository.packages, report)
        self._here: deque[tuple[str, int]] = deque()  # to be read by this process, and the turn
        self._retries = Backoff()
        self._closed: set[str] = set()  # may not be looked at or into
        self._unsteady: list[str] = []
        self._reopened = False
        self.index = index
        self.texts = RecentTexts()
        self.read = 0  # files inspected so far

    @property
    def unread(self) -> int:
        return len(self._unread)

    @property
    def is_reading(self) -> bool:
        """Whether `step` has something to read at once."""
        return bool(self._here)

    def awaits(self, project: str) -> bool:
        """Whether a file that may well be the project's, and may be on its page, is still to be read."""
        return self._unread.awaits(project)

    def hurry(self, project: str) -> None:
        """Read first what the project's pages wait for."""
        self._unread.hurry(project)

    def is_awaited(self, path: str) -> bool:
        """Whether any pages wait for what is read there."""
        return self._unread.is_awaited(path)

    def take_unsteady(self) -> list[str]:
        """Paths that changed while they were read, to be looked at again when they are quiet."""
        paths, self._unsteady = self._unsteady, []
        return paths

    def take_reopened(self) -> bool:
        """Whether something may be watched now that could not be before."""
        reopened, self._reopened = self._reopened, False
        return reopened

    def learn(self, checked: Checked) -> None:
        """Take the uploader's word for a file that is about to get its name."""
        self._learnt.keep(checked.filename, checked.identity, checked.distribution)
        self.texts.put(checked.distribution.metadata_digest, checked.core_metadata)

    def look(self, paths: Iterable[str]) -> set[str]:
        """Make the index right at and below these paths, of which something was heard."""
        dirty: set[str] = set()
        unknown: dict[str, Identity] = {}
        for path in paths:
            seen = list(scan(self._packages, path))
            dirty |= self.forget(self.index.paths_below(path) - {each.path for each in seen}, seen)
            for each in seen:
                dirty |= self._take(each, unknown, again=True)
        self._read(_sizes(unknown))
        return dirty

    def _read(self, sizes: dict[str, int]) -> None:
        """Read what was heard of: of a few all here, of more the most beside, by one process of the pool."""
        if len(sizes) > FEW:
            self._unread.add(sizes, LATER, awaited=False)
            return
        far = self._choose_far(sizes)
        self._unread.add({path: size for path, size in sizes.items() if path not in far}, SOON, awaited=True)
        self._unread.add(far, BESIDE, awaited=True)
        while batch := self._unread.take(BESIDE):
            self._pool.run_small(batch)

    def _choose_far(self, sizes: dict[str, int]) -> dict[str, int]:
        """What is read beside, while this process is busy with the others; nothing where it would wait there."""
        if len(sizes) <= ALONE or not self._pool.is_quick:
            return {}
        small = [path for path, size in sizes.items() if size <= HERE_AND_NOW.packed]
        return {path: sizes[path] for path in small[ALONE // 2 :]}

    def doubt(self, paths: Iterable[str]) -> None:
        """Read these again, whatever is known of them."""
        sound = (path for path in paths if path and ".." not in path.split("/") and not path.startswith("/"))
        seen = [each for path in sound for each in scan(self._packages, path)]
        self._read(_sizes({each.path: each.identity for each in seen if each.identity}))

    def reconcile(self, seen: Iterable[Seen], unread: dict[str, Identity]) -> set[str]:
        """Make the index right for what a comparison of everything came by; what has to be read is put in `unread`."""
        dirty: set[str] = set()
        for each in seen:
            dirty |= self._take(each, unread, again=False)
        return dirty

    def read_all(self, unread: Mapping[str, Identity]) -> None:
        """Read what a comparison of everything found to be unread; pages wait for it."""
        self._unread.add(_sizes(unread), LATER, awaited=True)

    def forget(self, gone: Iterable[str], seen: Iterable[Seen] = ()) -> set[str]:
        """Drop paths that are gone; what lies in a directory that may not be looked into stays as it is known."""
        closed = tuple(f"{each.path}/" if each.path else "" for each in seen if each.is_closed)
        dirty: set[str] = set()
        for path in gone:
            if not path.startswith(closed):
                self._forget_failure(path)
                self._remember(path)
                dirty |= self.index.remove(path)
        return dirty

    def _remember(self, path: str) -> None:
        """Keep what is known of a file that may have been moved."""
        identity, facts = self.index.identity(path), self.index.facts(path)
        if identity is not None and isinstance(facts, Distribution):
            self._learnt.keep(path, identity, facts)

    def is_there(self, path: str) -> bool:
        """Whether a known path leads to anything, or may."""
        return any(scan(self._packages, path))

    def _forget_failure(self, path: str) -> None:
        self._retries.succeed(path)
        self._reopened |= path in self._closed
        self._closed.discard(path)

    def retry(self, now: float) -> set[str]:
        """Look again at what could not be read, less and less often."""
        due = self._retries.due(now)
        return self.look(due) if due else set()

    def _take(self, seen: Seen, unknown: dict[str, Identity], *, again: bool) -> set[str]:
        path, identity = seen.path, seen.identity
        if identity is None:
            if seen.is_closed:
                self._retries.fail(path, time.monotonic())
                self._closed.add(path)
                if isinstance(self.index.facts(path), Distribution):
                    return set()
            return self.index.put(path, NO_IDENTITY, Rejected(seen.reason, passing=seen.is_closed))
        facts = self._learnt.find(path, identity)
        if facts is None or (isinstance(facts, Rejected) and (again or facts.passing)):  # it may be otherwise now
            unknown[path] = identity
            return set()
        self._forget_failure(path)
        return self.index.put(path, identity, facts)

    def step(self) -> set[str]:
        """Go on reading: here, for SLICE seconds, what is little, and by the pool what is much."""
        dirty: set[str] = set()
        deadline = time.monotonic() + SLICE
        self._take_here()
        while self._here and time.monotonic() < deadline:
            dirty |= self._read_here(*self._here.popleft())
            self._take_here()
        while self._pool.has_room and (len(self._unread) > FEW or self._pool.is_busy):
            batch = self._unread.take(LATER)
            if not batch:
                break
            self._pool.run(batch)
        return dirty

    def _take_here(self) -> None:
        for turn in (SOON, LATER) if len(self._unread) <= FEW and not self._pool.is_busy else (SOON,):
            if not self._here:
                self._here += ((path, turn) for path in self._unread.take(turn))

    def _read_here(self, path: str, turn: int) -> set[str]:
        """Read a small file; a larger one is left to the pool, and only after a comparison pages wait for it."""
        try:
            inspection = inspect(self._packages, path, HERE_AND_NOW)
        except TooMuch:
            self._pool.run((path,))
            return self._unread.release(path) if turn == SOON else set()
        complete = self._unread.remove([path])
        return complete | self._learn({path}, [inspection] if inspection else [])

    def receive(self, report: Inspected | Broken) -> set[str]:
        """Take in what the pool reports."""
        inspected = self._pool.received(report)
        if inspected is None:
            return set()
        complete = self._unread.remove(inspected.paths)  # the pages of these may have been held back
        # what was heard of since is not heard of again
        valid = [each for each in inspected.inspections if each.identity in (NO_IDENTITY, self._identity(each.path))]
        return complete | self._learn(set(inspected.paths), valid)

    def _identity(self, path: str) -> Identity | None:
        try:
            return Identity.of(os.stat(f"{self._packages}/{path}"))  # noqa: PTH116 - of every file there is
        except OSError:
            return None

    def _learn(self, paths: set[str], inspections: Iterable[Inspection]) -> set[str]:
        """Put what was read into the index; what was gone or changed while it was read is looked at again."""
        dirty: set[str] = set()
        unsteady = paths
        for inspection in inspections:
            unsteady = unsteady - {inspection.path}
            self._note_retry(inspection)
            if isinstance(inspection.facts, Distribution):
                self.texts.put(inspection.facts.metadata_digest, inspection.core_metadata)
            dirty |= self.index.put(inspection.path, inspection.identity, inspection.facts)
            self.read += 1
            log.debug("read %r", inspection.path)
        self._unsteady += unsteady
        return dirty

    def _note_retry(self, inspection: Inspection) -> None:
        if isinstance(inspection.facts, Rejected) and inspection.facts.passing:
            self._retries.fail(inspection.path, time.monotonic())
        else:
            self._retries.succeed(inspection.path)

    def stop(self) -> None:
        self._pool.stop()


def _sizes(files: Mapping[str, Identity]) -> dict[str, int]:
    return {path: identity.size for path, identity in files.items()}

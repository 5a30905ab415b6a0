"""Keeps the index as `packages/` has it: scan, then the facts that are known or an inspection."""

import logging
import time
from collections.abc import Callable, Iterable

from packaging.utils import NormalizedName

from indexer.backoff import Backoff
from indexer.facts import FactCache
from indexer.index import Index
from indexer.inspect import Inspection, inspect
from indexer.model import Rejected
from indexer.pool import Broken, Inspected, InspectionPool, batches
from indexer.scan import Seen, scan
from store.distribution import Distribution
from store.identity import NO_IDENTITY, Identity
from store.names import possible_projects
from store.repository import Repository

log = logging.getLogger(__name__)

FEW = 32  # files
SMALL = 16 << 20  # bytes in all: more goes to other processes


class Tracker:
    """What is looked at becomes known: at once where the file is small, by way of the pool where it is not.

    Methods answer which projects' pages this makes dirty.
    """

    def __init__(self, repository: Repository, cache: FactCache, report: Callable[[Inspected | Broken], None]) -> None:
        self._packages = repository.packages
        self._cache = cache
        self._pool = InspectionPool(repository.packages, report)
        self._retries = Backoff()
        self._unread: dict[str, frozenset[NormalizedName]] = {}  # in the pool → the projects whose pages wait for it
        self._awaited: dict[str, set[str]] = {}  # the same by project
        self._closed: set[str] = set()  # may not be looked at or into
        self._unsteady: list[str] = []
        self._reopened = False
        self.index = Index()
        self.read = 0  # files inspected so far

    @property
    def unread(self) -> int:
        return len(self._unread)

    def awaits(self, project: str) -> bool:
        """Whether a file that may well be the project's, and may be on its page, is still to be read."""
        return project in self._awaited

    def hurry(self, project: str) -> None:
        """Read first what the project's pages wait for."""
        self._pool.hurry(self._awaited.get(project, set()))

    def take_unsteady(self) -> list[str]:
        """Paths that changed while they were read, to be looked at again when they are quiet."""
        paths, self._unsteady = self._unsteady, []
        return paths

    def take_reopened(self) -> bool:
        """Whether something may be watched now that could not be before."""
        reopened, self._reopened = self._reopened, False
        return reopened

    def look(self, paths: Iterable[str]) -> set[str]:
        """Make the index right at and below these paths, of which something was heard."""
        dirty: set[str] = set()
        unknown: dict[str, Identity] = {}
        for path in paths:
            seen = list(scan(self._packages, path))
            dirty |= self.forget(self.index.paths_below(path) - {each.path for each in seen}, seen)
            for each in seen:
                dirty |= self._take(each, unknown, again=True)
        return dirty | self._inspect(unknown, awaited=False)

    def reconcile(self, seen: Iterable[Seen], unread: dict[str, Identity]) -> set[str]:
        """Make the index right for what a scan of everything came by; what has to be read is put in `unread`."""
        dirty: set[str] = set()
        for each in seen:
            dirty |= self._take(each, unread, again=False)
        return dirty

    def read_all(self, unread: dict[str, Identity]) -> set[str]:
        """Read what a comparison of everything found to be unread; pages wait for it."""
        return self._inspect(unread, awaited=True)

    def forget(self, gone: Iterable[str], seen: Iterable[Seen] = ()) -> set[str]:
        """Drop paths that are gone; what lies in a directory that may not be looked into stays as it is known."""
        closed = tuple(f"{each.path}/" if each.path else "" for each in seen if each.is_closed)
        dirty: set[str] = set()
        for path in gone:
            if not path.startswith(closed):
                self._forget_failure(path)
                dirty |= self.index.remove(path)
        return dirty

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
        facts = self._cache.facts(path, identity)
        if facts is None or (again and isinstance(facts, Rejected)):  # it may be otherwise now
            unknown[path] = identity
            return set()
        self._forget_failure(path)
        return self.index.put(path, identity, facts)

    def _inspect(self, unknown: dict[str, Identity], *, awaited: bool) -> set[str]:
        """Read a few small files here and now; leave more to other processes, which report later."""
        todo = {path for path in unknown if path not in self._unread}
        if len(todo) > FEW or sum(unknown[path].size for path in todo) > SMALL:
            self._submit(todo, awaited=awaited)
            return set()
        return self._learn(todo, [found for path in sorted(todo) if (found := inspect(self._packages, path))])

    def _submit(self, paths: set[str], *, awaited: bool) -> None:
        for path in paths:
            self._unread[path] = possible_projects(_filename(path)) if awaited else frozenset()
            for project in self._unread[path]:
                self._awaited.setdefault(project, set()).add(path)
        self._pool.submit(batches(paths, self._first_project), first=len(paths) <= FEW and not awaited)

    def _first_project(self, path: str) -> str:
        return min(self._unread[path], default="")

    def receive(self, report: Inspected | Broken) -> set[str]:
        """Take in what the pool reports."""
        inspected = self._pool.received(report)
        if inspected is None:
            return set()
        complete: set[str] = set()
        for path in inspected.paths:
            for project in self._unread.pop(path, frozenset()):
                self._awaited[project].discard(path)
                if not self._awaited[project]:
                    del self._awaited[project]
                    complete.add(project)  # its pages may have been held back
        # what was heard of since is not heard of again
        valid = [each for each in inspected.inspections if each.identity in (NO_IDENTITY, self._identity(each.path))]
        return complete | self._learn(set(inspected.paths), valid)

    def _identity(self, path: str) -> Identity | None:
        try:
            return Identity.of((self._packages / path).stat())
        except OSError:
            return None

    def is_awaited(self, path: str) -> bool:
        """Whether any pages wait for what is read there."""
        return bool(self._unread.get(path))

    def _learn(self, paths: set[str], inspections: Iterable[Inspection]) -> set[str]:
        """Put what was read into the index; what was gone or changed while it was read is looked at again."""
        if not paths:
            return set()
        found = list(inspections)
        self._cache.remember(found)
        self.read += len(found)
        dirty: set[str] = set()
        for inspection in found:
            self._note_retry(inspection)
            dirty |= self.index.put(inspection.path, inspection.identity, inspection.facts)
            log.debug("read %r", inspection.path)
        self._unsteady += paths - {inspection.path for inspection in found}
        return dirty

    def _note_retry(self, inspection: Inspection) -> None:
        if isinstance(inspection.facts, Rejected) and inspection.facts.passing:
            self._retries.fail(inspection.path, time.monotonic())
        else:
            self._retries.succeed(inspection.path)

    def forget_facts(self) -> None:
        """Drop the facts of what is gone; to be called only when everything there is is known."""
        known = ((path, self.index.identity(path)) for path in self.index.paths())
        self._cache.forget_all_but((path, identity) for path, identity in known if identity)

    def stop(self) -> None:
        self._pool.stop()
        self._cache.close()


def _filename(path: str) -> str:
    return path.rpartition("/")[2]

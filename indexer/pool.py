"""Many files to inspect at once: on all cores, in processes that exist only while there is work."""

import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Set
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from indexer.inspect import Inspection, inspect, reject

log = logging.getLogger(__name__)

BATCH = 64  # files at most that a process reads before it reports


class Inspected(NamedTuple):
    """A batch that was read: `inspections` has no entry for what is gone or changed meanwhile."""

    paths: tuple[str, ...]
    inspections: tuple[Inspection, ...]


class Broken(NamedTuple):
    """A batch that was not read, for a process ended."""

    paths: tuple[str, ...]
    reason: str


def inspect_batch(packages: Path, paths: tuple[str, ...]) -> tuple[Inspection, ...]:
    """Inspect these files, one after another."""
    inspections = (inspect(packages, path) for path in paths)
    return tuple(inspection for inspection in inspections if inspection is not None)


class InspectionPool:
    """Inspects what is submitted, some first. `report` is called once for each batch, from a thread of the pool.

    A file that ends the process which reads it is rejected for it; the others of its batch are read again.
    All methods but `report` belong to one thread; `received` is to be called there for each report.
    """

    def __init__(
        self,
        packages: Path,
        report: Callable[[Inspected | Broken], None],
        read: Callable[[Path, tuple[str, ...]], tuple[Inspection, ...]] = inspect_batch,
    ) -> None:
        self._packages = packages
        self._report = report
        self._read = read
        self._waiting: deque[tuple[str, ...]] = deque()
        self._suspects: deque[tuple[str, ...]] = deque()  # one of these ended a process: each is read alone
        self._running: set[tuple[str, ...]] = set()
        self._alone = False
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, batches: Iterable[Collection[str]], *, first: bool = False) -> None:
        """Inspect these batches, after all others or before them."""
        new = [tuple(batch) for batch in batches]
        if first:
            self._waiting.extendleft(reversed(new))
        else:
            self._waiting.extend(new)
        self._start()

    def hurry(self, paths: Set[str]) -> None:
        """Bring forward the batches that hold any of these."""
        wanted = [batch for batch in self._waiting if not paths.isdisjoint(batch)]
        if wanted:
            rest = [batch for batch in self._waiting if paths.isdisjoint(batch)]
            self._waiting = deque([*wanted, *rest])

    def received(self, batch: Inspected | Broken) -> Inspected | None:
        """Note a report, start what is next, and answer with what it holds; None where it has to be read again."""
        self._running.discard(batch.paths)
        found = batch if isinstance(batch, Inspected) else self._suspect(batch)
        self._start()
        return found

    def _suspect(self, broken: Broken) -> Inspected | None:
        self._stop_processes()
        if not self._alone or len(broken.paths) > 1:
            self._suspects.extend((path,) for path in broken.paths)
            return None
        [path] = broken.paths
        rejected = reject(self._packages, path, f"reading it ended the process that read it ({broken.reason})")
        return Inspected(broken.paths, (rejected,) if rejected else ())

    def _start(self) -> None:
        if self._suspects:
            if not self._running:
                self._alone = True
                self._run(self._suspects.popleft())
            return
        if self._alone and self._running:
            return
        self._alone = False
        while self._waiting and len(self._running) <= (os.cpu_count() or 1):
            self._run(self._waiting.popleft())
        if not self._running:
            self._stop_processes()

    def _run(self, paths: tuple[str, ...]) -> None:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            # nice: uploads and pages go first
            self._pool = ProcessPoolExecutor(os.cpu_count(), context, initializer=os.nice, initargs=(5,))
        self._running.add(paths)
        try:
            future = self._pool.submit(self._read, self._packages, paths)
        except BrokenProcessPool as error:
            self._report(Broken(paths, str(error)))
            return
        future.add_done_callback(lambda done: self._tell(done, paths))

    def _tell(self, done: "Future[tuple[Inspection, ...]]", paths: tuple[str, ...]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        self._report(Broken(paths, repr(error)) if error else Inspected(paths, done.result()))

    def _stop_processes(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None

    def stop(self) -> None:
        self._waiting.clear()
        self._suspects.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def batches(paths: Iterable[str], by: Callable[[str], object]) -> list[list[str]]:
    """The paths in batches, those that belong together in one or one after another."""
    groups: dict[object, list[str]] = {}
    for path in sorted(paths, key=lambda path: path.rpartition("/")[2]):
        groups.setdefault(by(path), []).append(path)
    return [files[at : at + BATCH] for files in groups.values() for at in range(0, len(files), BATCH)]

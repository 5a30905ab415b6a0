"""Files to inspect beside everything else: on all cores, in processes that exist only while there is work."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import NamedTuple

from indexer.inspect import Inspection, inspect_batch, reject
from store.archive.budget import HERE_AND_NOW, WHATEVER_IT_TAKES, Budget, due
from store.workers import Workers


class Inspected(NamedTuple):
    """A batch that was read: `inspections` has no entry for what is gone, changed meanwhile, or took too much."""

    paths: tuple[str, ...]
    inspections: tuple[Inspection, ...]


class Broken(NamedTuple):
    """A batch that was not read, for its process ended."""

    paths: tuple[str, ...]
    reason: str


class InspectionPool:
    """Inspects batches. `report` is called once for each, from a thread of the pool.

    A file that ends the process which reads it is rejected for it; the others of its batch are read again, each alone.
    All methods but `report` belong to one thread; `received` is to be called there for each report.
    """

    def __init__(
        self,
        packages: Path,
        report: Callable[[Inspected | Broken], None],
        read: Callable[[Path, tuple[str, ...], Budget], tuple[Inspection, ...]] = inspect_batch,
    ) -> None:
        self._packages = packages
        self._report = report
        self._read = read
        self._workers = Workers()
        self._suspects: deque[tuple[str, ...]] = deque()  # one of these ended its process
        self._running: dict[tuple[str, ...], Budget] = {}

    @property
    def has_room(self) -> bool:
        """Whether a batch would be read soon: one waits for each that is being read."""
        return len(self._running) < 2 * (os.cpu_count() or 1)

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    @property
    def is_quick(self) -> bool:
        """Whether all that is being read has little time, so that what is small would not wait for it."""
        return all(budget is HERE_AND_NOW for budget in self._running.values())

    def run(self, paths: tuple[str, ...]) -> None:
        """Inspect this batch."""
        self._run(paths, WHATEVER_IT_TAKES)

    def run_small(self, paths: tuple[str, ...]) -> None:
        """Inspect this batch by one process for all such, but for what takes longer than others may have to wait."""
        self._run(paths, HERE_AND_NOW, most=1)

    def _run(self, paths: tuple[str, ...], budget: Budget, most: int | None = None) -> None:
        self._running[paths] = budget
        seconds = sum(due(_size(f"{self._packages}/{path}")) for path in paths) + 1.0
        future = self._workers.submit(self._read, self._packages, paths, budget, seconds=seconds, most=most)
        future.add_done_callback(lambda done: self._tell(done, paths))

    def _tell(self, done: "Future[tuple[Inspection, ...]]", paths: tuple[str, ...]) -> None:
        try:
            self._report(Inspected(paths, done.result()))
        except CancelledError:
            return
        except Exception as error:  # whatever came of it, it is told
            self._report(Broken(paths, str(error) or repr(error)))

    def received(self, batch: Inspected | Broken) -> Inspected | None:
        """Note a report, and answer with what it holds; None where it has to be read again."""
        self._running.pop(batch.paths, None)
        found = batch if isinstance(batch, Inspected) else self._suspect(batch)
        while self._suspects and self.has_room:
            self.run(self._suspects.popleft())
        return found

    def _suspect(self, broken: Broken) -> Inspected | None:
        if len(broken.paths) > 1:
            self._suspects.extend((path,) for path in broken.paths)
            return None
        [path] = broken.paths
        rejected = reject(self._packages, path, f"reading it ended the process that read it ({broken.reason})")
        return Inspected(broken.paths, (rejected,) if rejected else ())

    def stop(self) -> None:
        self._suspects.clear()
        self._workers.stop()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - of every file there is
    except OSError:
        return 0

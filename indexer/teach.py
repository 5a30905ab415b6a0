"""Many files to learn at once: on all cores, in processes, a project at a time."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from indexer.learn import Lesson, learn
from store.names import first_word

log = logging.getLogger(__name__)

BATCH = 64  # files a worker reads before it reports

Report = Callable[[list[str], list[Lesson]], None]


def _learn_batch(packages: Path, paths: list[str]) -> list[Lesson]:
    lessons = (learn(packages, path) for path in paths)
    return [lesson for lesson in lessons if lesson is not None]


class Teachers:
    """Worker processes that exist only while there is work; `report` is called from their threads."""

    def __init__(self, packages: Path, report: Report) -> None:
        self._packages = packages
        self._report = report
        self._pool: ProcessPoolExecutor | None = None
        self._busy = 0

    def submit(self, paths: Iterable[str]) -> None:
        """Learn these files; their lessons are reported batch by batch."""
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            # nice: uploads and pages go first
            self._pool = ProcessPoolExecutor(os.cpu_count(), context, initializer=os.nice, initargs=(5,))
        for batch in _batches(paths):
            self._busy += 1
            future = self._pool.submit(_learn_batch, self._packages, batch)
            future.add_done_callback(lambda done, batch=batch: self._tell(done, batch))  # type: ignore[misc]

    def _tell(self, done: "Future[list[Lesson]]", batch: list[str]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, BrokenProcessPool):
            self._pool = None  # what it did not read is submitted to a new one
        if error is not None:
            log.error("could not read %d files from %r on: %r", len(batch), batch[0], error)
        self._report(batch, [] if error else done.result())

    def batch_done(self) -> None:
        """Call once for each report that was dealt with; the last one ends the processes."""
        self._busy -= 1
        if self._busy == 0:
            self.stop()

    def stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            self._busy = 0


def _batches(paths: Iterable[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for path in sorted(paths, key=lambda path: path.rpartition("/")[2]):
        groups.setdefault(first_word(path.rpartition("/")[2]), []).append(path)
    return [files[at : at + BATCH] for files in groups.values() for at in range(0, len(files), BATCH)]

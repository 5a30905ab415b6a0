"""What boards install of one repository: unpacked when one of them asks for it, and kept as long as it is listed."""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import NamedTuple

from indexer.index import Index
from indexer.model import ListedFile
from indexer.pages.boards import find_sources
from indexer.sources import source_of
from store.archive.budget import due
from store.boards import UNPACKED
from store.messages import Wanted
from store.repository import Repository
from store.workers import WorkerDied, WorkerKilled, Workers

log = logging.getLogger(__name__)

SECONDS = 5.0  # of CPU, beside what reading an archive may take, twice
MOST = 10_000  # releases that are waited for at once
REST = 5.0  # seconds between two looks at what is there
SWEEP = Wanted("", "", "")  # what it is called when all that is there is looked at


class Unpacked(NamedTuple):
    """What was wanted and is there now; or why it is not."""

    wanted: Wanted
    reason: str = ""
    is_final: bool = False  # whether it would be the same the next time


class Boards:
    """`report` is called once for what was begun, from a thread of its own; all else belongs to one thread."""

    def __init__(self, repository: Repository, index: Index, report: Callable[[Unpacked], None]) -> None:
        self._repository = repository
        self._index = index
        self._report = report
        self._workers = Workers(1)
        self._begun: set[Wanted] = set()
        self._sweep_due = 0.0
        self._is_doubted = True  # of what was left at the last end nothing is known
        self._published: list[str] = []

    def want(self, wanted: Wanted) -> None:
        """Have a release unpacked, if it is one that boards are led to; or, of no project, all looked at."""
        if not wanted.project:
            self.doubt()
        elif wanted not in self._begun and len(self._begun) < MOST and (file := self._find(wanted)):
            seconds = SECONDS + 2 * due(file.identity.size)
            names = (wanted.project, wanted.source)
            self._begin(wanted, self._workers.submit(_unpack, self._repository, *names, file, seconds=seconds))

    def _find(self, wanted: Wanted) -> ListedFile | None:
        detail = self._index.detail(wanted.project)
        files = find_sources(detail).values() if detail else ()
        return next((file for file in files if source_of(wanted.project, file) == wanted.source), None)

    def doubt(self) -> None:
        """Look, soon, whether all that is there is needed, and what is needed is there."""
        self._is_doubted = True

    def step(self, now: float) -> None:
        """`now` is in monotonic seconds."""
        if not self._is_doubted or now < self._sweep_due or SWEEP in self._begun:
            return
        self._is_doubted, self._sweep_due = False, now + REST
        if (self._repository.site / UNPACKED).is_dir():
            self._begin(SWEEP, self._workers.submit(_sweep, self._repository, seconds=60.0))

    def _begin(self, wanted: Wanted, future: "Future[None]") -> None:
        self._begun.add(wanted)
        future.add_done_callback(partial(self._tell, wanted))

    def _tell(self, wanted: Wanted, done: "Future[None]") -> None:
        try:
            done.result()
            self._report(Unpacked(wanted))
        except CancelledError:
            return
        except Exception as error:  # whatever came of it, it is told
            is_final = isinstance(error, WorkerDied) and not isinstance(error, WorkerKilled)
            self._report(Unpacked(wanted, str(error) or repr(error), is_final))

    def receive(self, unpacked: Unpacked) -> None:
        """To be called for each report."""
        wanted = unpacked.wanted
        self._begun.discard(wanted)
        if unpacked.reason:
            log.warning("could not unpack %s for boards: %s", wanted.project or "anything", unpacked.reason)
        if unpacked.is_final and wanted.project:
            args = (self._repository, wanted.project, wanted.source, unpacked.reason)
            self._begin(wanted, self._workers.submit(_refuse, *args, seconds=SECONDS))
        elif wanted.project:
            self._published.append(wanted.project)

    def take_published(self) -> list[str]:
        """The projects that boards find more of than when this was asked last."""
        published, self._published = self._published, []
        return published

    def stop(self) -> None:
        self._workers.stop()


def _unpack(repository: Repository, project: str, source: str, file: ListedFile) -> None:
    from indexer.unpack import unpack  # noqa: PLC0415 - for the process that does it

    unpack(repository, project, source, file)


def _refuse(repository: Repository, project: str, source: str, reason: str) -> None:
    from indexer.unpack import refuse  # noqa: PLC0415 - as above

    refuse(repository, project, source, reason)


def _sweep(repository: Repository) -> None:
    from indexer.unpack import sweep  # noqa: PLC0415 - as above

    sweep(repository)

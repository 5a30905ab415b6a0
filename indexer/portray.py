"""Pages for people, made by a process beside: it reads archives again, and renders what strangers wrote."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import NamedTuple

from indexer.model import Care, ProjectDetail
from indexer.pages.people import About
from store.archive.budget import due
from store.repository import Repository
from store.workers import WorkerKilled, Workers

NICE = 19  # everything else goes first
SECONDS = 1.0  # of CPU, for a page, beside what reading an archive may take
ENOUGH = 2.0  # seconds of CPU after which no other page is begun
SOME, MANY = 16, 128  # pages made at once
CARES = (Care.ALL, Care.ALL, Care.LITTLE, Care.NONE)  # with how much a page is made, by how often that was too much


_Made = tuple[dict[str, bytes], About | None]


class Portrayed(NamedTuple):
    """Pages of a project, and the keys that they were asked for by; or why there are none.

    Where it is `passing` that was none of the pages' doing.
    """

    project: str
    keys: Mapping[str, str]
    pages: Mapping[str, bytes]
    about: About | None
    reason: str = ""
    passing: bool = False


class Portrayer:
    """`report` is called once for what was asked for, from a thread of its own; all else belongs to one thread."""

    def __init__(self, repository: Repository, workers: Workers, report: Callable[[Portrayed], None]) -> None:
        self._repository = repository
        self._report = report
        self._workers = workers
        self._running = 0
        self._tries: dict[str, int] = {}  # by the key of a page, how often it could not be made
        self._reasons: dict[str, str] = {}

    @property
    def has_room(self) -> bool:
        """Whether what is asked for now would be begun soon."""
        return self._running < 2

    @property
    def is_busy(self) -> bool:
        return self._running > 0

    def ask(self, detail: ProjectDetail, keys: Mapping[str, str], there: int) -> None:
        """Have some of these pages made, by page and key: more at once the more of the project are `there`.

        What cannot be made is tried alone, then without the markup of its README, and then without anything that it
        says; RuntimeError where it cannot be made so either, and then it is tried anew.
        """
        times = {page: self._tries.get(key, 0) for page, key in keys.items()}
        least = min(times.values())
        some = [page for page, tried in times.items() if tried == least][: 1 if least else _at_once(there)]
        if least >= len(CARES):
            reasons = {page: self._forget(key) for page, key in keys.items()}
            raise RuntimeError(f"{some[0]}: {reasons[some[0]]}")
        self._begin(detail, {page: keys[page] for page in some}, CARES[least])

    def _begin(self, detail: ProjectDetail, keys: dict[str, str], care: Care) -> None:
        seconds = ENOUGH + SECONDS + due(max(file.identity.size for file in detail.files))
        future = self._workers.submit(_portray, self._repository, detail, tuple(keys), care, seconds=seconds)
        self._running += 1
        future.add_done_callback(partial(self._tell, detail.name, keys))

    def _tell(self, project: str, keys: dict[str, str], done: "Future[_Made]") -> None:
        try:
            pages, about = done.result()
            self._report(Portrayed(project, {page: keys[page] for page in pages}, pages, about))
        except CancelledError:
            return
        except Exception as error:  # whatever came of it, it is told
            passing = isinstance(error, OSError | WorkerKilled)
            self._report(Portrayed(project, keys, {}, None, str(error) or repr(error), passing))

    def received(self, portrayed: Portrayed) -> None:
        """To be called for each report."""
        self._running -= 1
        for key in portrayed.keys.values():
            if portrayed.passing:
                continue
            if portrayed.reason:
                self._tries[key] = self._tries.get(key, 0) + 1
                self._reasons[key] = portrayed.reason
            else:
                self._forget(key)

    def _forget(self, key: str) -> str:
        """Whatever came of it before; the reason that there was."""
        self._tries.pop(key, None)
        return self._reasons.pop(key, "")


def _at_once(there: int) -> int:
    """All pages of a project are switched at once, so those of many must not come one by one."""
    return min(max(SOME, there), MANY)


def _portray(
    repository: Repository,
    detail: ProjectDetail,
    pages: tuple[str, ...],
    care: Care,
) -> _Made:
    from indexer.portraits import portray  # noqa: PLC0415 - 30 MB that this process alone has

    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    return portray(repository, detail, pages, care, ENOUGH)

"""Pages for people, made by a process beside: it reads archives again, and renders what strangers wrote."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import NamedTuple

from indexer.model import ProjectDetail
from indexer.pages.people import About
from store.archive.budget import due
from store.repository import Repository
from store.workers import Workers

NICE = 19  # everything else goes first
SECONDS = 1.0  # of CPU, for a page, beside what reading an archive may take
SOME, MANY = 16, 128  # pages made at once
PLAINLY, NEVER = 2, 3  # how often a page was tried before it is made so, or no more


_Made = tuple[dict[str, bytes], About | None]


class Portrayed(NamedTuple):
    """Pages of a project, and the keys that they were asked for by; or why there are none."""

    project: str
    keys: Mapping[str, str]
    pages: Mapping[str, bytes]
    about: About | None
    reason: str = ""


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

        What cannot be made is tried alone, and then without the markup of its README; RuntimeError where it cannot be
        made so either, and then it is tried anew.
        """
        times = {page: self._tries.get(key, 0) for page, key in keys.items()}
        least = min(times.values())
        some = [page for page, tried in times.items() if tried == least][: 1 if least else _at_once(there)]
        if least >= NEVER:
            reasons = {page: self._forget(key) for page, key in keys.items()}
            raise RuntimeError(f"{some[0]}: {reasons[some[0]]}")
        self._begin(detail, {page: keys[page] for page in some}, plainly=least >= PLAINLY)

    def _begin(self, detail: ProjectDetail, keys: dict[str, str], *, plainly: bool) -> None:
        seconds = len(keys) * SECONDS + due(max(file.identity.size for file in detail.files))
        future = self._workers.submit(_portray, self._repository, detail, tuple(keys), plainly, seconds=seconds)
        self._running += 1
        future.add_done_callback(partial(self._tell, detail.name, keys))

    def _tell(self, project: str, keys: dict[str, str], done: "Future[_Made]") -> None:
        try:
            self._report(Portrayed(project, keys, *done.result()))
        except CancelledError:
            return
        except Exception as error:  # whatever came of it, it is told
            self._report(Portrayed(project, keys, {}, None, str(error) or repr(error)))

    def received(self, portrayed: Portrayed) -> None:
        """To be called for each report."""
        self._running -= 1
        for key in portrayed.keys.values():
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
    plainly: bool,
) -> _Made:
    from indexer.portraits import portray  # noqa: PLC0415 - 30 MB that this process alone has

    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    return portray(repository, detail, pages, plainly=plainly)

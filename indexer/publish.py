"""Dirty projects → pages: the urgent ones first, a bounded time at once, and what fails again and again later.

Of each project what installers wait for comes first, and all that others read when there is no more of that.
"""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from indexer.backoff import Backoff
from indexer.model import Overview
from indexer.renderer import Renderer
from indexer.site import Site
from indexer.state import State
from indexer.tracker import FEW, Tracker
from store.repository import OVERVIEW, Repository

log = logging.getLogger(__name__)

SCHEMA = ("create table due (project text primary key) strict, without rowid",)

BUDGET = 0.2  # seconds of one turn
REST = 0.01  # for what nobody waits for: then it is looked whether there is something else
OVERDUE = 1.0  # seconds after which that is no longer put off until the few files that were heard of are read
SHARE = 50  # the overview, which grows with the number of projects, takes at most one part in so many of the time
CALM = 2.0  # seconds that it waits at most, and always while there is more to be read or written


class Publisher:
    """Knows which pages are due. One page that cannot be made leaves the one before it in place, and no other waits."""

    def __init__(
        self, repository: Repository, state: State, tracker: Tracker, site: Site, is_ahead: Callable[[str], bool]
    ) -> None:
        """`is_ahead` tells of a project whether nobody came by all its files yet; who does has it made again."""
        self._state = state
        self._tracker = tracker
        self._renderer = Renderer(repository, tracker, site)
        self._is_ahead = is_ahead
        self._urgent: dict[str, None] = {}  # in the order they came
        self._dirty: dict[str, None] = {}
        self._rest: dict[str, float] = {}  # whose pages for installers are as they should be, and since when
        self._settled: dict[str, None] = {}  # all of whose pages are as they should be
        self._held: dict[str, bool] = {}  # until what may be theirs is seen and read, and is said to be; whether urgent
        self._failed = Backoff()
        self._reasons: dict[str, str] = {}
        self._overview_at, self._overview_took = float("-inf"), 0.0  # when it was written last, and how long that was
        self.overview_is_dirty = True
        self.soil((project for (project,) in state.all("select project from due")), urgent=False)
        if not state.is_of("pages", self._renderer.version):
            self.soil(self.projects() | tracker.index.projects(), urgent=False)

    @property
    def pending(self) -> int:
        """Projects whose pages are not as they should be."""
        return len(self._urgent) + len(self._dirty) + len(self._rest) + len(self._held)

    @property
    def faults(self) -> dict[str, str]:
        """By page set, why it could not be written."""
        return self._reasons

    def projects(self) -> set[str]:
        """Every project that has pages."""
        return self._renderer.projects()

    def soil(self, projects: Iterable[str], *, urgent: bool) -> None:
        """Have these projects' pages made again where they would differ; a restart does not forget it."""
        due = list(projects)
        self._state.write("insert or ignore into due values (?)", [(project,) for project in due])
        for project in due:
            if self._held.pop(project, False) or urgent:
                self._dirty.pop(project, None)
                self._urgent[project] = None
            elif project not in self._urgent:
                self._dirty[project] = None

    def take_published(self) -> list[str]:
        """The projects whose pages were switched or removed since this was asked last."""
        return self._renderer.take_rendered()

    def take_settled(self) -> list[str]:
        """The projects whose pages are as they should be, or gone, since this was asked last."""
        settled = list(self._settled)
        self._settled.clear()
        self._state.write("delete from due where project = ?", [(project,) for project in settled])
        return settled

    def soil_overview(self) -> None:
        self.overview_is_dirty = True

    def step(self, now: float) -> int:
        """Publish what is due, for about BUDGET seconds; the number of projects that changed. `now` is monotonic."""
        self.soil((name for name in self._failed.due(now) if name != OVERVIEW), urgent=False)
        deadline, changed = time.monotonic() + BUDGET, 0
        for queue in (self._urgent, self._dirty):
            while queue and time.monotonic() < deadline:
                project = _take_first(queue)
                if self._is_incomplete(project):
                    self._hold(project, hurry=queue is self._urgent)
                else:
                    changed += self._publish(project, now)
        if now >= self._rest_due:
            self._publish_rest(now, time.monotonic() + REST)
        self.overview_is_dirty |= changed > 0
        return changed

    def _publish(self, project: str, now: float) -> bool:
        changed = self._guard(project, now, partial(self._renderer.render, project))
        if changed is None:
            self._rest.pop(project, None)  # all of it is tried again
        else:
            self._rest.setdefault(project, now)
        return bool(changed)

    def _publish_rest(self, now: float, deadline: float) -> None:
        while self._rest and time.monotonic() < deadline:
            project = _take_first(self._rest)
            if self._is_incomplete(project):
                continue  # it comes again
            if self._guard(project, now, partial(self._renderer.render_rest, project)) is not None:
                self._succeed(project)
                self._settled[project] = None

    def _is_incomplete(self, project: str) -> bool:
        """Whether it has, or may have, files that nobody has seen or read yet."""
        return self._is_ahead(project) or self._tracker.awaits(project)

    def _hold(self, project: str, *, hurry: bool) -> None:
        """Wait for what is still to be seen or read: a page is never served with only part of its files."""
        self._held[project] = hurry
        if hurry:
            self._tracker.hurry(project)

    def _guard(self, name: str, now: float, publish: Callable[[], bool]) -> bool | None:
        """Whether anything changed; None where it failed.

        Whatever writing one page raises is that page's reason: said once, and tried again less and less often.
        """
        try:
            return publish()
        except Exception as error:  # a disk or a library may raise anything
            reason = f"{type(error).__name__}: {error}"
            if self._reasons.get(name) != reason:
                bug = not isinstance(error, OSError)
                log.error("could not write %s; what was there stays: %s", name, reason, exc_info=bug)
            self._reasons[name] = reason
            self._failed.fail(name, now)
            return None

    def _succeed(self, name: str) -> None:
        self._reasons.pop(name, None)
        self._failed.succeed(name)

    def publish_overview(self, gather: Callable[[], Overview], now: float) -> None:
        """Write the pages about everything where they are due: at once, but seldom where they take long."""
        due = self.overview_is_dirty or OVERVIEW in self._failed.due(now)
        if not due or now < self._overview_due:
            return
        self.overview_is_dirty = False
        began = time.monotonic()
        if self._guard(OVERVIEW, now, lambda: self._renderer.render_overview(gather())) is not None:
            self._succeed(OVERVIEW)
        self._overview_at, self._overview_took = now, time.monotonic() - began

    @property
    def _overview_due(self) -> float:
        is_behind = self._tracker.unread or self.pending
        pause = CALM if is_behind else min(CALM, SHARE * self._overview_took)
        return self._overview_at + pause

    @property
    def _rest_due(self) -> float:
        """When there is time for what nobody waits for; never where there is none of it."""
        since = next(iter(self._rest.values()), float("inf"))
        return since + OVERDUE if 0 < self._tracker.unread <= FEW else since

    def patience(self, now: float) -> float:
        """Seconds until there is something to do; endless where there is nothing."""
        if self._urgent or self._dirty:
            return 0.0
        overview_due = self._overview_due if self.overview_is_dirty else float("inf")
        return max(0.0, min(self._rest_due, overview_due) - now)


def _take_first(queue: dict[str, Any]) -> str:
    first = next(iter(queue))
    del queue[first]
    return first

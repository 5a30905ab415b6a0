"""One repository kept up: what was heard of → settle → scan → inspect → index → pages → site. Nothing goes back."""

import logging
from collections.abc import Callable, Iterable

from indexer.boards import Boards, Unpacked
from indexer.catalogue import Catalogued
from indexer.doubted import take_doubted
from indexer.index import Index
from indexer.inspect import fingerprint_of_inspection
from indexer.lateness import Lateness
from indexer.manifest import Manifest
from indexer.model import HERE, Overview, Shelf
from indexer.people import Made, People
from indexer.pool import Broken, Inspected
from indexer.portray import Portrayed
from indexer.publish import Publisher
from indexer.reconcile import Reconciler
from indexer.rejections import Rejections
from indexer.settle import Hint, Settling
from indexer.site import Site
from indexer.tables import open_state, read_unread
from indexer.tend import Tending
from indexer.tracker import FEW, Tracker
from indexer.watching import Watching
from store.memory import give_back
from store.messages import Checked, Wanted
from store.policy import ANONYMOUS, Policy
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)

Message = Hint | Checked | Wanted | Inspected | Broken | Made | Unpacked

CALM = 3.0  # seconds without a change
DOUBTS = 1.0  # seconds between two looks whether anybody doubts what is known


class Upkeep:
    """Everything that is done for one repository, a bounded step at a time. Times are monotonic seconds."""

    def __init__(
        self, repository: Repository, settings: Settings, tell: Callable[[Message], None], copied: Shelf | None = None
    ) -> None:
        """With `copied` the pages are for a copy as plain files, and say that distributions lie there."""
        self.repository = repository
        self._is_copied = copied is not None
        self._state = open_state(repository)
        self._site = Site(repository, Manifest(self._state))
        self._watching = Watching(repository, settings, tell)
        self._settling = Settling()
        known = Index(self._state, fingerprint_of_inspection(), copied or HERE)
        self._tracker = Tracker(repository, self._state, known, tell)
        self._reconciler = Reconciler(repository, self._state, self._tracker, settings.reconcile_interval)
        self._publisher = Publisher(repository, self._state, self._tracker, self._site, self._reconciler.awaits)
        self._people = People(repository, self._state, self._site, known, tell)
        self._boards = Boards(repository, known, tell)
        self._tending = Tending(self._site, self._publisher, self._people)
        self._rejections = Rejections()
        self._tidied = 0  # rounds of the reconciler after which everything was tidied
        self._is_swept = True
        self.lateness = Lateness()
        self._calm_due, self._doubts_due = float("inf"), 0.0

    def step(self, messages: Iterable[Message], now: float) -> None:
        """Take in what was heard, and do what is due, for a bounded time."""
        if self._watching.keep(now):
            self._reconciler.request(now)
        changed = self._take_in(list(messages), now)
        changed |= self._soil(self._tracker.step(), urgent=True)
        if not self._watching.fault:
            changed |= self._soil(self._reconciler.step(now), urgent=False)
        self._tidy()
        self._tending.step(now, is_calm=not self._is_late)
        self._publisher.step(now)
        self._step_people(now)
        self._say_what_is_rejected(now, changed=changed)
        self._note_lateness(now)
        self._state.flush(now)
        self._calm_down(now, changed=changed)

    def _step_people(self, now: float) -> None:
        """Have pages made that nobody waits for, when there is nothing else to be done."""
        if settled := self._publisher.take_settled():
            self._people.soil(settled)
            self._boards.doubt()
        self._boards.step(now)
        if not self._is_late:
            self._people.step(now)

    def _calm_down(self, now: float, *, changed: bool) -> None:
        """Tidy up once nothing has changed for a moment."""
        if changed or self._is_late or self._publisher.overview_is_dirty or self._reconciler.is_going_on:
            self._calm_due = now + CALM
        elif now >= self._calm_due:
            self._calm_due = float("inf")
            self._state.forget_passing()  # nothing is on its way any more
            self._tracker.texts.forget()
            self._state.settle(now)
            give_back()

    def _note_lateness(self, now: float) -> None:
        """Remember since when pages are due, and say now and then how far a long reading is."""
        self.lateness.note(now, is_late=self._is_late)
        if self._is_listed_anew:
            self.lateness.was_listed = True
            if not self._is_swept:  # only now is it known what belongs to nothing
                self._tending.sweep()
                self._boards.doubt()
                self._is_swept = True
        if self._tracker.unread:
            self.lateness.say(self._progress, now)

    def _take_in(self, messages: list[Message], now: float) -> bool:
        """Make the index right for what was heard of, was read by the pool, or is to be tried again."""
        self._hear(messages, now)
        if now >= self._doubts_due:
            self._doubts_due = now + DOUBTS
            if doubted := take_doubted(self.repository):
                self._tracker.doubt(doubted)
        paths = self._settling.settle((each for each in messages if isinstance(each, Hint)), now)
        if "" in paths:  # the directory itself
            self._reconciler.request(now)
        changed = self._soil(self._tracker.look(sorted(paths - {""})), urgent=len(paths) <= FEW)
        for report in messages:
            if isinstance(report, Inspected | Broken):
                is_bulk = any(map(self._tracker.is_awaited, report.paths))
                changed |= self._soil(self._tracker.receive(report), urgent=not is_bulk)
        changed |= self._soil(self._tracker.retry(now), urgent=False)
        for path in self._tracker.take_unsteady():
            self._settling.again(path, now)
        if self._tracker.take_reopened():
            self._watching.begin_anew()
        return changed or bool(messages or paths)

    def _hear(self, messages: Iterable[Message], now: float) -> None:
        """Take in what changes nothing that installers are told."""
        for each in messages:
            if isinstance(each, Checked):
                self._tracker.learn(each)
            elif isinstance(each, Portrayed | Catalogued):
                self._people.receive(each, now)
            elif isinstance(each, Wanted):
                self._boards.want(each)
            elif isinstance(each, Unpacked):
                self._boards.receive(each)

    def _soil(self, projects: set[str], *, urgent: bool) -> bool:
        self._publisher.soil(projects, urgent=urgent)
        return bool(projects)

    def _tidy(self) -> None:
        """Once all there is has been compared and read: every page is looked at, and what is of nothing is dropped."""
        if self._tidied == self._reconciler.rounds or self._reconciler.is_going_on or self._tracker.unread:
            return
        self._tidied = self._reconciler.rounds
        self._state.forget_passing()
        self._publisher.soil(self._publisher.projects() ^ self._tracker.index.projects(), urgent=False)
        self._publisher.soil_overview()
        self._is_swept = False

    def _say_what_is_rejected(self, now: float, *, changed: bool) -> None:
        """One line for each file that cannot be listed, and again only when the reason changes."""
        before = self._rejections.reported
        said = self._rejections.update(self._tracker.index.rejected(), now) if changed else self._rejections.due(now)
        for path, reason in said.items():
            log.warning("rejected %r: %s", self.repository.address + path, reason)
        if self._rejections.reported != before:
            self._publisher.soil_overview()

    def take_published(self) -> list[str]:
        """The projects whose pages were switched since this was asked last."""
        return [*self._publisher.take_published(), *self._boards.take_published()]

    def soil_overview(self) -> None:
        """Have the pages about all projects made again: something beside them has changed that they show."""
        self._publisher.soil_overview()

    def publish_overview(self, policy: Policy, problem: str, misplaced: tuple[str, ...], now: float) -> None:
        """Write the pages about all projects where they are due; after a start not before everything was compared."""
        if self._reconciler.rounds:
            self._publisher.publish_overview(lambda: self._overview(policy, problem, misplaced), now)

    def _overview(self, policy: Policy, problem: str, misplaced: tuple[str, ...]) -> Overview:
        return Overview(
            projects=tuple(sorted(self._publisher.projects())),
            rejected=tuple(self._rejections.reported.items()),
            misplaced=misplaced,
            counts=self._tracker.index.counts(),
            is_private=ANONYMOUS not in policy.download,
            policy_problem=problem,
            address=self.repository.address,
            is_copy=self._is_copied,
        )

    @property
    def _is_listed_anew(self) -> bool:
        """Whether everything there is is listed, and nobody has taken note of that."""
        if self.lateness.was_listed and self._is_swept:
            return False
        return self._tidied > 0 and not self._is_late and not self._publisher.overview_is_dirty

    @property
    def _is_late(self) -> bool:
        return bool(self._tracker.unread or self._publisher.pending)

    @property
    def is_finished(self) -> bool:
        """Whether all pages are as they should be, as far as is known: only changes are waited for."""
        is_published = not (self._is_late or self._publisher.overview_is_dirty or self._people.is_behind)
        return self.lateness.was_listed and is_published

    @property
    def unread(self) -> dict[str, str]:
        """What could not be read or looked into the last time that it was tried, and why."""
        return read_unread(self._state) | ({"": self._watching.fault} if self._watching.fault else {})

    @property
    def undone(self) -> dict[str, str]:
        """The same, and what could not be written: file, page set or project, and why."""
        return {**self.unread, **self._publisher.faults, **self._people.faults}

    def faults(self, now: float) -> list[str]:
        """What keeps the files on the disk from being listed, each in a few words."""
        faults = [self._watching.fault] if self._watching.fault else []
        if errors := self._publisher.faults:
            name, reason = next(iter(errors.items()))
            faults.append(f"{len(errors)} pages could not be written, among them those of {name}: {reason}")
        return [*faults, *self.lateness.explain(self._progress, now)]

    def figures(self, at: float, now: float) -> dict[str, float]:
        """How much there is of everything; `at` is the time `now`, in seconds since 1970."""
        counts = self._tracker.index.counts()
        return {
            "files": counts.distributions,
            "projects": counts.projects,
            "bytes": counts.size,
            "rejected": len(self._rejections.reported),
            "queue": self._tracker.unread + self._publisher.pending,
            "reconciled": at - (now - self._reconciler.ended) if self._reconciler.rounds else 0,
        }

    @property
    def _progress(self) -> str:
        known, unread = len(self._tracker.index), self._tracker.unread + self._reconciler.ahead
        return f"read {known} of {known + unread} files, {self._publisher.pending} projects still to be written"

    def patience(self, now: float) -> float:
        """Seconds until there is something to do unless something is heard; endless where there is nothing."""
        if self._reconciler.is_going_on or self._tracker.is_reading or self._is_listed_anew:
            return 0.0
        if self._people.can_go_on and not self._is_late:
            return 0.0
        return min(each.patience(now) for each in (self._settling, self._publisher, self._rejections))

    def stop(self) -> None:
        for part in (self._watching, self._tracker, self._people, self._boards):
            part.stop()
        self._state.close()

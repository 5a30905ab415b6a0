"""The loop of an export: a repository is kept up in pages of its own, and these are brought to where they shall lie."""

import logging
import time
from collections.abc import Callable

from indexer.export.mirror import Mirror, Round
from indexer.inbox import Inbox
from indexer.model import Shelf
from indexer.upkeep import Message, Upkeep
from store.policy import Policy
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two rounds, at least; a problem has to outlast one
STOPPED = "stopped before everything was there"
SHARE = 50  # to see what there is takes at most one part in so many of the time


class Exporting:
    """Of one repository, as `Data.copied` has it. `why_not` says why it may not be exported; empty where it may."""

    def __init__(
        self, repository: Repository, settings: Settings, shelf: Shelf, mirror: Mirror, why_not: Callable[[], str]
    ) -> None:
        self._inbox = Inbox[Message]()
        self._upkeep = Upkeep(repository, settings, self._inbox.put, copied=shelf)
        self._mirror = mirror
        self._why_not = why_not
        self._every = settings.reconcile_interval
        self._due = self._anew_due = 0.0
        self._is_begun = self._is_whole = self._is_stopped = False
        self._problems: dict[str, str] = {}  # of the last round
        self._said: dict[str, str] = {}  # those that were there in the round before it, too
        self._written = self._removed = 0

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler."""
        self._is_stopped = True
        self._inbox.stop()

    def run(self, *, watches: bool) -> Round:
        """Until everything is there, or with `watches` until stopped; all that was done, and what could not be.

        BadDirectory where the copy is not where it was.
        """
        heard: list[Message] | None = []
        try:
            while heard is not None:
                self._turn(heard, time.monotonic())
                if not watches and (self._is_whole or self._said):
                    break
                heard = self._inbox.collect(self._upkeep.patience(time.monotonic()))
        finally:
            self._upkeep.stop()
        if not (watches or self._is_whole or self._said):
            self._said = {"": STOPPED}
            log.error(STOPPED)
        return Round(self._written, self._removed, self._said)

    def _turn(self, heard: list[Message], now: float) -> None:
        self._upkeep.step(heard, now)
        self._upkeep.publish_overview(Policy(), "", (), now)
        self._is_begun |= self._upkeep.is_finished
        if (self._is_begun or self._upkeep.undone) and now >= self._due:
            done = self._mirror_now(now)
            self._due = time.monotonic() + max(PAUSE, SHARE * done.looked)
            self._note(done)

    def _mirror_now(self, now: float) -> Round:
        if not self._upkeep.lateness.was_listed:
            return Round(0, 0, {})
        if why_not := self._why_not():
            return Round(0, 0, {"": f"{why_not}; nothing is exported meanwhile"})
        if now >= self._anew_due:
            self._anew_due = now + self._every
            self._mirror.forget()
        may_remove = not self._upkeep.unread  # what is not known is not known to be gone
        try:
            return self._mirror.step(
                now, goes_on=self._goes_on, is_calm=self._upkeep.is_finished, may_remove=may_remove
            )
        except OSError as error:  # whatever is the matter with a disk, it may be over the next time
            return Round(0, 0, {"": str(error)})

    def _goes_on(self) -> bool:
        return not self._is_stopped and not self._why_not()

    def _note(self, done: Round) -> None:
        problems = {**self._upkeep.undone, **done.problems}
        lasting = {name: reason for name, reason in problems.items() if name in self._problems}
        for name, reason in lasting.items() - self._said.items():
            log.error("could not export %s; what was there stays: %s", name or "anything", reason)
        if self._said and not lasting:
            log.info("all is exported again")
        self._problems, self._said = problems, lasting
        self._is_whole = self._upkeep.is_finished and not problems
        self._written += done.written
        self._removed += done.removed
        if done.written or done.removed:
            log.info("wrote %d files, removed %d", done.written, done.removed)

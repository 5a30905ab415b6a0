"""The loop of an export: a repository is kept up in pages of its own, and these are brought to where they shall lie."""

import logging
import time
from collections.abc import Callable

from indexer.export.mirror import Mirror, Round
from indexer.inbox import Inbox
from indexer.model import Shelf
from indexer.upkeep import Message, Upkeep
from store.errors import Refused
from store.policy import Policy
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two rounds, at least; a problem has to outlast one
SHARE = 50  # rounds take at most one part in so many of the time


class Exporting:
    """Of one repository, as `Data.copied` has it. `check` raises Refused while it may not be exported."""

    def __init__(
        self, repository: Repository, settings: Settings, shelf: Shelf, mirror: Mirror, check: Callable[[], None]
    ) -> None:
        self._inbox = Inbox[Message]()
        self._upkeep = Upkeep(repository, settings, self._inbox.put, copied=shelf)
        self._mirror = mirror
        self._check = check
        self._every = settings.reconcile_interval
        self._due = self._anew_due = 0.0
        self._is_begun = self._is_whole = False
        self._problems: dict[str, str] = {}  # of the last round
        self._said: dict[str, str] = {}  # those that were there in the round before it, too
        self._written = self._removed = 0

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler."""
        self._inbox.stop()

    def run(self, *, watches: bool) -> Round:
        """Until everything is there, or with `watches` until stopped; all that was done, and what could not be."""
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
            self._said = {"": "stopped before everything was there"}
        return Round(self._written, self._removed, self._said)

    def _turn(self, heard: list[Message], now: float) -> None:
        self._upkeep.step(heard, now)
        self._upkeep.publish_overview(Policy(), "", (), now)
        self._is_begun |= self._upkeep.is_finished
        if (self._is_begun or self._upkeep.unwritten) and now >= self._due:
            self._mirror_now(now)
            self._due = now + max(PAUSE, SHARE * (time.monotonic() - now))

    def _mirror_now(self, now: float) -> None:
        try:
            self._check()
        except Refused as error:
            self._note(Round(0, 0, {"": f"{error}; nothing is exported meanwhile"}))
            return
        if now >= self._anew_due:
            self._anew_due = now + self._every
            self._mirror.forget()
        try:
            self._note(self._mirror.step())
        except OSError as error:  # whatever is the matter with a disk, it may be over the next time
            self._note(Round(0, 0, {"": str(error)}))

    def _note(self, done: Round) -> None:
        problems = {**self._upkeep.unwritten, **done.problems}
        lasting = {name: reason for name, reason in problems.items() if self._problems.get(name) == reason}
        for name, reason in lasting.items() - self._said.items():
            log.error("could not export %s; what was there stays: %s", name or "anything", reason)
        self._problems, self._said = problems, lasting
        self._is_whole = self._upkeep.is_finished and not problems
        self._written += done.written
        self._removed += done.removed
        if done.written or done.removed:
            log.info("wrote %d files, removed %d", done.written, done.removed)

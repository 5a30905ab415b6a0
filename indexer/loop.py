"""The loop: hints in, pages out, in every repository there is.

Its rules:
 1. The policy in force is decided first, in every turn: nothing is served before.
 2. Watch first, then compare everything with the disk, then follow changes. A hint says only where to look; the
    truth is read from the disk. The first render, one after an event and one after a crash are the same.
 3. A turn is bounded: what takes long is done a slice at a time, or by other processes that report here.
 4. Whatever goes wrong with one file or page is that one's reason, and is tried again less and less often.
 5. The heart beats at the end of a turn and says what is wrong: silence means that the loop hangs.
"""

import contextlib
import logging
import time
from collections import defaultdict

from indexer.channel import Listener
from indexer.inbox import Inbox
from indexer.misplaced import INTERVAL as LOOK_FOR_MISPLACED
from indexer.misplaced import find_misplaced
from indexer.upkeep import Message
from indexer.upkeeps import Upkeeps
from store.current import CurrentPolicy
from store.file_store import FileStore
from store.heartbeat import INTERVAL as BEAT
from store.heartbeat import Heartbeat, read_heartbeat, starts_after, write_heartbeat
from store.messages import Checked, Wanted
from store.policy import ANONYMOUS
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)

Heard = tuple[str, Message]  # in which repository

DECIDE = 0.05  # between two looks at the policy, at least: turns follow each other where much is going on


class Loop:
    """Keeps `site/` as `packages/` has it. Everything happens on the thread that calls `run`."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._inbox = Inbox[Heard]()
        self._policy = CurrentPolicy(settings.data)
        self._policy_fault = ""
        self._stores: tuple[FileStore, ...] = ()
        self._policy_due = float("-inf")
        self._upkeeps = Upkeeps(settings, self._hear)
        self._upkeeps.look()
        self._upkeeps.follow()
        self._channel = Listener(settings.data.channel, self._hear_told)
        self._misplaced: tuple[str, ...] = ()
        self._misplaced_due = self._beat_due = 0.0
        self._heartbeat = Heartbeat(starts=starts_after(read_heartbeat(settings.data)[0], time.time()))

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler or another thread."""
        self._inbox.stop()

    def run(self) -> None:
        """Follow changes until stopped."""
        heard: list[Heard] | None = []
        try:
            while heard is not None:
                self._turn(heard, time.monotonic())
                heard = self._inbox.collect(self._upkeeps.patience(time.monotonic()))
            self._beat(time.monotonic(), stopped=True)
        finally:
            self._channel.close()
            self._upkeeps.stop()

    def _turn(self, heard: list[Heard], now: float) -> None:
        self._upkeeps.look()
        self._decide_policy(now)
        self._upkeeps.follow()
        self._look_for_misplaced(now)
        messages: defaultdict[str, list[Message]] = defaultdict(list)
        for name, message in heard:
            messages[name].append(message)
        for position, upkeep in enumerate(self._upkeeps):
            if position:
                self._between(time.monotonic())
            name = upkeep.repository.name
            upkeep.step(messages[name], now)
            self._channel.tell(name, upkeep.take_published())
            misplaced = tuple(path for path in self._misplaced if self._home_of(path).name == name)
            policy = self._policy.policies.of(name)
            problem = self._policy.public_problem if ANONYMOUS in policy.download else self._policy.problem
            upkeep.publish_overview(policy, problem, misplaced, now)
        self._beat(now)

    def _between(self, now: float) -> None:
        """What no repository may keep waiting, however many have work to do."""
        self._decide_policy(now)
        self._beat(now)

    def _hear(self, repository: str, message: Message) -> None:
        """On any thread."""
        self._inbox.put((repository, message))

    def _hear_told(self, told: Checked | Wanted) -> None:
        self._hear(told.repository, told)

    def _soil_overviews(self) -> None:
        for upkeep in self._upkeeps:
            upkeep.soil_overview()

    def _decide_policy(self, now: float) -> None:
        if now < self._policy_due:
            return
        self._policy_due = now + DECIDE
        before, fault = self._policy.problem, ""
        with contextlib.suppress(OSError):  # then those that were there stay, and `/health` says why
            self._stores = self._data.file_stores()
        self._policy.served = (*self._upkeeps.repositories, *self._stores)
        try:
            if self._policy.look(now):
                for name, policy in self._policy.policies.by_name.items():
                    log.info("put the policy of %s in force: %s", name, policy)
                self._soil_overviews()
        except OSError as error:
            fault = f"the policy cannot be put in force, so all is closed: {error}"
        if fault and fault != self._policy_fault:
            log.error(fault)
        self._policy_fault = fault
        if self._policy.problem != before:
            self._soil_overviews()
            if self._policy.problem:
                log.error("%s, %s", self._data.policy, self._policy.problem)

    def _look_for_misplaced(self, now: float) -> None:
        if now < self._misplaced_due:
            return
        self._misplaced_due = now + LOOK_FOR_MISPLACED
        found = find_misplaced(self._data, self._upkeeps.repositories)
        for path in set(found) - set(self._misplaced):
            log.warning("%r lies in %s; expected in %s", path, self._data.root, self._home_of(path).packages)
        if found != self._misplaced:
            self._misplaced = found
            self._soil_overviews()

    def _home_of(self, misplaced: str) -> Repository:
        """On whose page it is said: where it would be listed, for others may not know of it."""
        nearby = (each for each in self._upkeeps.repositories if each.address and misplaced.startswith(each.address))
        return next(nearby, self._data.default)

    def _beat(self, now: float, *, stopped: bool = False) -> None:
        """Say how things are: now and then, and at once when they turn good or bad."""
        faults, notes = self._faults(now), self._notes()
        turned = bool(faults) != bool(self._heartbeat.faults) or notes != self._heartbeat.notes
        if now < self._beat_due and not turned and not stopped:
            return
        self._beat_due = now + BEAT
        figures = {each.repository.name: each.figures(time.time(), now) for each in self._upkeeps}
        self._heartbeat = Heartbeat(faults, notes, self._heartbeat.starts, stopped, figures)
        try:
            write_heartbeat(self._data, self._heartbeat)
        except OSError as error:
            log.error("could not write %s: %s", self._data.heartbeat, error.strerror)

    def _faults(self, now: float) -> tuple[str, ...]:
        own = (self._policy_fault, self._policy.unkept)
        return (*filter(None, own), *self._upkeeps.faults(now))

    def _notes(self) -> tuple[str, ...]:
        problem = self._policy.public_problem
        notes = [f"{self._data.policy}, {problem}"] if problem else []
        if self._misplaced:
            notes.append(f"distributions that lie outside of packages/: {len(self._misplaced)}; the log says which")
        return tuple(notes)

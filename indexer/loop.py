"""The loop: hints in, pages out.

Its rules:
 1. The policy in force is decided first, in every turn: nothing is served before.
 2. Watch first, then compare everything with the disk, then follow changes. A hint says only where to look; the
    truth is read from the disk. The first render, one after an event and one after a crash are the same.
 3. A turn is bounded: what takes long is done a slice at a time, or by other processes that report here.
 4. Whatever goes wrong with one file or page is that one's reason, and is tried again less and less often.
 5. The heart beats at the end of a turn and says what is wrong: silence means that the loop hangs.
"""

import logging
import queue
import time

from indexer.channel import Listener
from indexer.misplaced import INTERVAL as LOOK_FOR_MISPLACED
from indexer.misplaced import find_misplaced
from indexer.upkeep import Message, Upkeep
from store.current import CurrentPolicy
from store.heartbeat import INTERVAL as BEAT
from store.heartbeat import Heartbeat, read_heartbeat, starts_after, write_heartbeat
from store.settings import Settings

log = logging.getLogger(__name__)

TICK = 0.2  # seconds between two turns, at most
DECIDE = 0.05  # between two looks at the policy, at least: turns follow each other where much is going on
MOST = 1000  # messages of one turn


class Loop:
    """Keeps `site/` as `packages/` has it. Everything happens on the thread that calls `run`."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._policy = CurrentPolicy(settings.data)
        self._policy_fault = ""
        self._policy_due = float("-inf")
        self._upkeep = Upkeep(settings.data.default, settings, self._inbox.put)
        self._channel = Listener(settings.data.channel, self._inbox.put)
        self._misplaced: tuple[str, ...] = ()
        self._misplaced_due = self._beat_due = 0.0
        self._heartbeat = Heartbeat(starts=starts_after(read_heartbeat(settings.data)[0], time.time()))

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler or another thread."""
        self._inbox.put(None)

    def run(self) -> None:
        """Follow changes until stopped."""
        messages: list[Message] | None = []
        try:
            while messages is not None:
                self._turn(messages, time.monotonic())
                messages = self._collect()
            self._beat(time.monotonic(), stopped=True)
        finally:
            self._channel.close()
            self._upkeep.stop()

    def _turn(self, messages: list[Message], now: float) -> None:
        self._decide_policy(now)
        self._upkeep.step(messages, now)
        self._channel.tell(self._upkeep.repository.name, self._upkeep.take_published())
        self._look_for_misplaced(now)
        policy = self._policy.policies.of(self._upkeep.repository.name)
        self._upkeep.publish_overview(policy, self._policy.problem, self._misplaced, now)
        self._beat(now)

    def _collect(self) -> list[Message] | None:
        """What was heard, after a tick at most; None to stop."""
        messages: list[Message | None] = []
        try:
            messages.append(self._inbox.get(timeout=min(TICK, self._upkeep.patience(time.monotonic()))))
            while len(messages) < MOST:
                messages.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return None if None in messages else [message for message in messages if message is not None]

    def _decide_policy(self, now: float) -> None:
        if now < self._policy_due:
            return
        self._policy_due = now + DECIDE
        before, fault = self._policy.problem, ""
        try:
            if self._policy.look(now):
                log.info("put the policy in force: %s", self._policy.policies.of(self._upkeep.repository.name))
                self._upkeep.soil_overview()
        except OSError as error:
            fault = f"the policy cannot be put in force, so all is closed: {error}"
        if fault and fault != self._policy_fault:
            log.error(fault)
        self._policy_fault = fault
        if self._policy.problem != before:
            self._upkeep.soil_overview()
            if self._policy.problem:
                log.error("refused %s, %s", self._data.policy, self._policy.problem)

    def _look_for_misplaced(self, now: float) -> None:
        if now < self._misplaced_due:
            return
        self._misplaced_due = now + LOOK_FOR_MISPLACED
        found = find_misplaced(self._data)
        for path in set(found) - set(self._misplaced):
            log.warning("%r lies in %s; expected in %s", path, self._data.root, self._upkeep.repository.packages)
        if found != self._misplaced:
            self._misplaced = found
            self._upkeep.soil_overview()

    def _beat(self, now: float, *, stopped: bool = False) -> None:
        """Say how things are: now and then, and at once when they turn good or bad."""
        faults, notes = self._faults(now), self._notes()
        turned = bool(faults) != bool(self._heartbeat.faults) or notes != self._heartbeat.notes
        if now < self._beat_due and not turned and not stopped:
            return
        self._beat_due = now + BEAT
        self._heartbeat = Heartbeat(faults, notes, self._heartbeat.starts, stopped)
        try:
            write_heartbeat(self._data, self._heartbeat)
        except OSError as error:
            log.error("could not write %s: %s", self._data.heartbeat, error.strerror)

    def _faults(self, now: float) -> tuple[str, ...]:
        own = (self._policy_fault, self._policy.unkept)
        return (*filter(None, own), *self._upkeep.faults(now))

    def _notes(self) -> tuple[str, ...]:
        notes = [f"{self._data.policy}, {self._policy.problem}"] if self._policy.problem else []
        if self._misplaced:
            first, others = self._misplaced[0], len(self._misplaced) - 1
            more = f" and {others} more" if others else ""
            notes.append(f"distributions lie outside of packages/: {first!r}{more}")
        return tuple(notes)

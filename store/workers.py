"""Processes that do jobs beside the program: others than the one that talks to people, and may be ended at any moment.

They exist only while there is work, and a moment longer. Each has a thread here, which hands it one job after
another. (Neither `ProcessPoolExecutor` nor pebble: the first calls every job off when one process dies; both keep
processes that have nothing to do, and helpers of theirs, and neither bounds memory.)
"""

import contextlib
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

from store.process import GRACE, Process, WorkerDied, WorkerKilled

__all__ = ["WorkerDied", "WorkerKilled", "Workers"]

MEMORY = 64 << 20  # bytes that a job may take above what its process has at rest

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")


@dataclass(frozen=True)
class _Job:
    pickled: bytes
    seconds: float
    future: Future[Any] = field(default_factory=Future)


@dataclass(eq=False)
class _Hand:
    """A thread, the process that it alone speaks to, and where it finds what is next: None for nothing more."""

    process: Process
    inbox: SimpleQueue[_Job | None] = field(default_factory=SimpleQueue)
    thread: threading.Thread = field(default_factory=threading.current_thread)


class Workers:
    """At most `most` processes, which do what is submitted in its order, and end after `idle` seconds without any.

    Callbacks of the futures are called in threads of this class's own, and hold up what that process would do next.
    """

    def __init__(self, most: int | None = None, *, idle: float = 5.0, memory: int = MEMORY) -> None:
        self._most = most or os.cpu_count() or 1
        self._idle = idle
        self._memory = memory
        self._lock = threading.Lock()  # for all below
        self._waiting = deque[_Job]()
        self._hands: set[_Hand] = set()
        self._free: list[_Hand] = []  # who became free last is taken first, so that the others can go
        self._is_stopped = False

    def submit(
        self, function: Callable[[*_Args], _T], *args: *_Args, seconds: float, most: int | None = None
    ) -> Future[_T]:
        """Call the function, which can be imported by its name, in one of the processes.

        Where there are `most` of them no other one is started for it: what is little would have to wait for that.
        The future raises what the function does; or WorkerDied where it takes more than these seconds of CPU, far
        more in time, or more memory than there may be, or where its process ends. Raises what pickling raises.
        """
        job = _Job(pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL), seconds)
        with self._lock:
            if self._is_stopped:
                raise RuntimeError("the workers were stopped; expected no job after that")
            if self._free:
                self._free.pop().inbox.put(job)
            elif len(self._hands) < min(self._most, most or self._most):
                self._waiting.append(job)
                self._start(self._waiting.popleft())
            else:
                self._waiting.append(job)
        return job.future

    def stop(self) -> None:
        """End all processes at once. What waits is cancelled, what is being done raises WorkerDied."""
        with self._lock:
            self._is_stopped = True
            waiting, hands = list(self._waiting), list(self._hands)
            self._waiting.clear()
            self._free.clear()
        for hand in hands:
            hand.inbox.put(None)
            hand.process.kill()
        for job in waiting:
            job.future.cancel()
        for hand in hands:
            if hand.thread is not threading.current_thread():
                hand.thread.join(GRACE)

    def _start(self, job: _Job) -> None:
        hand = _Hand(Process(self._memory))
        hand.inbox.put(job)
        hand.thread = threading.Thread(target=self._serve, args=(hand,), name="worker", daemon=True)
        self._hands.add(hand)
        hand.thread.start()

    def _serve(self, hand: _Hand) -> None:
        with contextlib.closing(hand.process):
            job = hand.inbox.get()
            while job:
                _settle(job, hand.process)
                job = self._next(hand)

    def _next(self, hand: _Hand) -> _Job | None:
        """What is next; None where there was nothing for long enough."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._free.append(hand)
        with contextlib.suppress(Empty):
            return hand.inbox.get(timeout=self._idle)
        with self._lock:
            if hand in self._free:
                self._free.remove(hand)
                self._hands.discard(hand)
                return None
        return hand.inbox.get()  # it came at the last moment


def _settle(job: _Job, process: Process) -> None:
    """Do the job, and tell its future."""
    if not job.future.set_running_or_notify_cancel():
        return
    try:
        succeeded, answer = process.do(job.pickled, job.seconds)
        value = pickle.loads(answer)  # noqa: S301 - from a process of this program
    except Exception as error:  # WorkerDied, or whatever a result raises where it is unpickled
        succeeded, value = False, error
    if succeeded:
        job.future.set_result(value)
    else:
        job.future.set_exception(value)

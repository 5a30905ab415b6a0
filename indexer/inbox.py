"""What threads tell a loop: one at a time goes in, all that there is comes out."""

import queue
from typing import Generic, TypeVar

T = TypeVar("T")

TICK = 0.2  # seconds between two turns, at most
MOST = 1000  # messages of one turn


class Inbox(Generic[T]):
    """`put` and `stop` are safe to call from signal handlers and other threads."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[T, ...]] = queue.SimpleQueue()

    def put(self, message: T) -> None:
        self._queue.put((message,))

    def stop(self) -> None:
        """Have `collect` answer None soon."""
        self._queue.put(())

    def collect(self, patience: float) -> list[T] | None:
        """What was put, after so many seconds or a tick at most; None to stop."""
        heard: list[tuple[T, ...]] = []
        try:
            heard.append(self._queue.get(timeout=min(TICK, patience)))
            while len(heard) < MOST:
                heard.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return [each for (each,) in heard] if all(heard) else None

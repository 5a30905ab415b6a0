"""What failed and when it is tried again: less and less often. Pure: the time is an argument."""

FIRST = 1.0  # seconds
LONGEST = 60.0


class Backoff:
    """Keys that failed, each with the time it is due again. Times are in seconds."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[float, float]] = {}  # when it is due, and the pause before that

    def __contains__(self, key: str) -> bool:
        return key in self._failed

    def __len__(self) -> int:
        return len(self._failed)

    def fail(self, key: str, now: float) -> None:
        """Try `key` again later, each time twice as much later as before."""
        _, pause = self._failed.get(key, (0.0, FIRST / 2))
        pause = min(2 * pause, LONGEST)
        self._failed[key] = now + pause, pause

    def succeed(self, key: str) -> None:
        self._failed.pop(key, None)

    def due(self, now: float) -> list[str]:
        """The keys to try now; each is due again after its pause unless it fails or succeeds before."""
        keys = [key for key, (at, _) in self._failed.items() if at <= now]
        for key in keys:
            _, pause = self._failed[key]
            self._failed[key] = now + pause, pause
        return keys

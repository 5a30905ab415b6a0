"""Which hinted paths are ready to be looked at. Pure: the time is an argument."""

from collections.abc import Iterable
from typing import NamedTuple

QUIET = 0.2  # seconds without a change after which a file that was not closed is looked at all the same


class Hint(NamedTuple):
    """Something may have changed at `path`; `writing` while more of it is to be expected."""

    path: str
    writing: bool = False


class Settling:
    """Holds back what is being written until it is closed, or quiet for a moment. Times are in seconds."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def settle(self, hints: Iterable[Hint], now: float) -> set[str]:
        """Take in hints; the paths to look at now."""
        ready = set()
        for hint in hints:
            if hint.writing:
                self._due[hint.path] = now + QUIET
                ready.discard(hint.path)
            else:
                self._due.pop(hint.path, None)
                ready.add(hint.path)
        quiet = {path for path, due in self._due.items() if due <= now}
        for path in quiet:
            del self._due[path]
        return ready | quiet

    def again(self, path: str, now: float) -> None:
        """Look at `path` once more when it has been quiet."""
        self._due.setdefault(path, now + QUIET)

    def patience(self, now: float) -> float:
        """Seconds until something is due; endless where nothing is."""
        return max(0.0, min(self._due.values(), default=float("inf")) - now)

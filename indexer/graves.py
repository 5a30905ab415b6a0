"""Directories that a link was switched away from: they stay until nobody can be on the way through them."""

import contextlib
import os
import time
from collections import deque
from pathlib import Path

from store import files

GRACE = 60.0  # seconds that a directory outlives its switch
CALM = 10.0  # seconds since the last switch, before which no more are removed: ext4 looks at each inode freed lately
MANY = 5000  # for every new file, so a burst would pay for it again and again; but of more than so many some go


class Graves:
    """Of one site. `now` is in seconds since 1970."""

    def __init__(self) -> None:
        self._graves: deque[tuple[float, Path]] = deque()

    def names(self) -> set[str]:
        return {path.name for _, path in self._graves}

    def bury(self, directory: Path, now: float) -> None:
        self._graves.append((now + GRACE, directory))

    def clear(self, now: float, patience: float, *, is_calm: bool) -> None:
        """Remove what has been there long enough, for about `patience` seconds; while much goes on only of too many."""
        is_calm &= bool(self._graves) and now >= self._graves[-1][0] - GRACE + CALM
        if not is_calm and len(self._graves) < MANY:
            return
        deadline = time.monotonic() + patience
        while self._graves and not now < self._graves[0][0] <= now + GRACE and time.monotonic() < deadline:
            _remove(self._graves.popleft()[1])


def _remove(directory: Path) -> None:
    """What cannot be removed now is found by who looks for strays."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208 - nearly always a few files, and this is done all the time
            os.unlink(f"{directory}/{name}")  # noqa: PTH108
    with contextlib.suppress(OSError):
        files.remove(directory)
        directory.parent.rmdir()  # where it was the last of its batch

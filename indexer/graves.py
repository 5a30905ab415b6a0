"""Directories that were replaced: they stay until nobody can be on the way through them."""

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
        self._graves: deque[tuple[float, str]] = deque()

    def names(self) -> set[str]:
        return {path.rpartition("/")[2] for _, path in self._graves}

    def bury(self, directory: str, now: float) -> None:
        self._graves.append((now + GRACE, directory))

    def clear(self, now: float, patience: float, *, is_calm: bool) -> None:
        """Remove what has been there long enough, for about `patience` seconds.

        While much goes on it is less: nothing as long as there are not too many, and all of it at twice as many.
        """
        if not (is_calm and self._graves and now >= self._graves[-1][0] - GRACE + CALM):
            patience *= min(1.0, max(0.0, len(self._graves) / MANY - 1))
        deadline = time.monotonic() + patience
        while self._graves and not now < self._graves[0][0] <= now + GRACE and time.monotonic() < deadline:
            _remove(Path(self._graves.popleft()[1]))


def _remove(directory: Path) -> None:
    """What cannot be removed now is found by who looks for strays."""
    with contextlib.suppress(OSError):
        if not os.path.islink(directory):  # what a link leads to is somebody else's
            for name in os.listdir(directory):  # nearly always a few files, and this is done all the time
                os.unlink(f"{directory}/{name}")
    with contextlib.suppress(OSError):
        files.remove(directory)
        directory.parent.rmdir()  # where it was the last of its batch

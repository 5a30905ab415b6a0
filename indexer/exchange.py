"""A directory takes the place of another, in one step: the two are exchanged.

Where the file system cannot do that, a link leads to the one, and is switched to the other.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from store import files, switch


class Exchange:
    """On the file system of one site. Methods answer where lies now what was there before: to be removed later.

    OSError where the disk refuses; then what was there is still there.
    """

    def __init__(self) -> None:
        self._is_possible: bool | None = None  # as is found when it is needed first

    def put(self, path: str, directory: str) -> list[str]:
        """Have the directory lie at `path`."""
        target, replaced = find_target(path), None
        if self._is_possible is None:
            self._is_possible = switch.can_exchange(Path(directory).parent)
        try:
            if self._is_possible:
                replaced = switch.exchange_directory(path, directory)
            else:
                switch.switch(path, directory)
        except OSError as error:  # another file system may lie there now, or layers that move no directory (overlayfs)
            self._is_possible = False if error.errno == errno.EXDEV else None
            raise
        return [each for each in (target, replaced) if each]

    def take(self, path: str, begin: Callable[[], str]) -> list[str]:
        """Have nothing lie at `path`; `begin` answers where to put what does."""
        if not os.path.lexists(path):
            return []
        target, aside = find_target(path), begin()
        try:
            os.rename(path, aside)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            files.remove(Path(path))
        return [each for each in (target, aside) if each]


def find_target(link: str) -> str | None:
    """Where a link leads; None where it is none."""
    with contextlib.suppress(OSError):
        return os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
    return None

"""Keeps a watch on `packages/`, whatever becomes of the directory or of the watch."""

import errno
import logging
import stat
from collections.abc import Callable

from indexer.backoff import Backoff
from indexer.settle import Hint
from indexer.watch import Watch, start_watch
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)


class Watching:
    """The watch there is now. `keep` is to be called often; `fault` says why there is none."""

    def __init__(self, repository: Repository, settings: Settings, tell: Callable[[Hint], None]) -> None:
        self._packages = repository.packages
        self._settings = settings
        self._tell = tell
        self._watch: Watch | None = None
        self._watched: tuple[int, int] | None = None  # device and inode
        self._tries = Backoff()
        self.fault = ""

    def keep(self, now: float) -> bool:
        """See to it that the directory which is there now is watched; True where the watch was begun anew.

        Where there is no directory, nothing is known to be gone: all stays as it is until there is one again.
        """
        try:
            facts = self._packages.stat()
            if not stat.S_ISDIR(facts.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
            identity = (facts.st_dev, facts.st_ino)
            if identity == self._watched and self._watch is not None and self._watch.is_alive():
                return False
            if len(self._tries) and not self._tries.due(now):
                return False
            self._begin()
        except (OSError, RecursionError) as error:  # os.walk goes as deep as the directories do
            self._fail(error, now)
            return False
        self._watched, self.fault = identity, ""
        self._tries.succeed("")
        return True

    def _begin(self) -> None:
        self.stop()
        settings = self._settings
        self._watch = start_watch(self._packages.resolve(), settings.watch, settings.poll_interval, self._tell)

    def _fail(self, error: Exception, now: float) -> None:
        reason = getattr(error, "strerror", None) or error
        fault = f"{self._packages}: {reason}; what was listed stays until it can be read again"
        if fault != self.fault:
            log.error("cannot watch %s", fault)
        self.fault = fault
        if self._watched is not None or "" not in self._tries:
            self._tries.fail("", now)
        self._watched = None

    def begin_anew(self) -> None:
        """Have the whole of it watched again: there may be directories that could not be."""
        self._watched = None

    def stop(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

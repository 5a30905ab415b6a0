"""Changes below a directory, as hints; all that knows of watchdog. The truth is read elsewhere."""

import contextlib
import errno
import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserverVFS

from indexer.settle import Hint
from store.names import is_ignored
from store.settings import Watch as Mode

log = logging.getLogger(__name__)


class Watch:
    """A watch that was begun."""

    def __init__(self, observer: BaseObserver) -> None:
        self._observer = observer

    def is_alive(self) -> bool:
        """Whether it still watches: an error in a thread of its own ends it without a word."""
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)

    def stop(self) -> None:
        self._observer.stop()


# Not opened, closed_no_write: reading must cause no work, here or in the kernel.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileAttribEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
    DirAttribEvent,
]

_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "fuse.grpcfuse", "fuse.osxfs", "fakeowner"}


class _Handler(FileSystemEventHandler):
    def __init__(self, packages: Path, tell: Callable[[Hint], None]) -> None:
        self._packages = str(packages)
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, DirModifiedEvent):
            return  # what changed in it has an event of its own
        writing = isinstance(event, FileModifiedEvent)
        for path in (event.dest_path, event.src_path):  # in this order nothing that moves is missing for a moment
            if path:
                self._hint(self._relative(os.fsdecode(path)), writing=writing)

    def _hint(self, path: str, *, writing: bool) -> None:
        if not is_ignored(path.rpartition("/")[2]):
            self._tell(Hint(path, writing))

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._packages).lstrip("/")


def start_watch(packages: Path, mode: Mode, interval: float, tell: Callable[[Hint], None]) -> Watch:
    """Call `tell` from a thread of its own for every change from now on.

    inotify where it works; else, or with mode "poll", every `interval` seconds. Says which.
    """
    handler = _Handler(packages, tell)
    reason = "LARDER_WATCH=poll" if mode == "poll" else _why_not_inotify(packages)
    if reason is None:
        observer, others = Observer(), _count_watches()
        try:
            started = _started(observer, handler, packages)
            if _is_complete(packages, others):
                return started
            reason = "inotify ran out of watches (see fs.inotify.max_user_watches)"
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EMFILE, errno.ENOSYS):
                raise
            reason = f"{error.strerror} (see fs.inotify.max_user_watches and max_user_instances)"
        observer.stop()
    log.warning("polling %s every %g s instead of watching it: %s", packages, interval, reason)
    polling = PollingObserverVFS(stat=_stat, listdir=os.scandir, polling_interval=interval)
    return _started(polling, handler, packages)


def _stat(path: str) -> os.stat_result:
    """What a link leads to, or the link itself where it leads nowhere: that too has to be noticed.

    Links to directories are themselves: they could lead round in circles.
    """
    facts = os.lstat(path)
    if stat.S_ISLNK(facts.st_mode):
        with contextlib.suppress(OSError):
            target = os.stat(path)  # noqa: PTH116 - called for every file at every poll
            return facts if stat.S_ISDIR(target.st_mode) else target
    return facts


def _started(observer: BaseObserver, handler: _Handler, packages: Path) -> Watch:
    observer.schedule(handler, str(packages), recursive=True, event_filter=_EVENTS)
    observer.start()
    return Watch(observer)


def _is_complete(packages: Path, others: int) -> bool:
    """Whether every directory is watched; `others` watches there were before, elsewhere.

    watchdog passes over those below the first that it could not watch. Looks again for a moment, for directories may
    come and go meanwhile.
    """
    for _ in range(5):
        if _count_watches() - others >= _count_directories(packages):
            return True
        time.sleep(0.1)
    return False


def _count_watches() -> int:
    return sum(text.count("inotify wd") for text in map(_read, Path("/proc/self/fdinfo").iterdir()))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # closed meanwhile
        return ""


def _count_directories(packages: Path) -> int:
    return sum(os.access(directory, os.R_OK) for directory, _, _ in os.walk(packages))


def _why_not_inotify(packages: Path) -> str | None:
    """The kind of file system, where changes made by others raise no event."""
    kind = _file_system(packages.resolve())
    return f"inotify does not see all changes on {kind}" if kind in _REMOTE else None


def _file_system(path: Path) -> str:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    kinds = {fields[1]: fields[2] for fields in (line.split() for line in mounts)}
    return next((kinds[str(each)] for each in (path, *path.parents) if str(each) in kinds), "")

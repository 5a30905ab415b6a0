"""Disk → which files lie in `packages/`, and each one's identity. Nothing is opened here."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from store.identity import Identity
from store.names import is_ignored

DEPTH = 100  # directories below `packages/` that are looked into


class Seen(NamedTuple):
    """A path relative to `packages/`; `identity` is None where it is no file that can be read, for a `reason`.

    `is_closed` says that the path is there but may not be looked at or into: nothing is known of what it was
    or holds, and nothing of it is known to be gone.
    """

    path: str
    identity: Identity | None = None
    reason: str = ""
    is_closed: bool = False


def scan(packages: Path, path: str = "") -> Iterator[Seen]:
    """Every file at or below `path`, but for ignored names; nothing where the path is gone.

    Where `packages` itself is no directory nothing is known to be gone.
    """
    for each in walk(packages, path):
        seen = look_at(packages, each) if isinstance(each, str) else each
        if seen:
            yield seen


def walk(packages: Path, path: str = "") -> Iterator[str | Seen]:
    """The paths that `scan` looks at; what cannot be looked into is seen already.

    Links to directories are not followed: they could lead round in circles, and nothing tells of changes behind them.
    """
    if any(map(is_ignored, path.split("/"))):
        return
    try:
        mode = (packages / path).lstat().st_mode if path else packages.stat().st_mode
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        if not is_gone or not packages.is_dir():  # with the whole directory gone, nothing is known of any file
            yield _closed(path, error)
        return
    if stat.S_ISDIR(mode):
        yield from _walk_directory(packages, path)
    elif path:
        yield path
    else:
        yield _closed(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))


def look_at(packages: Path, path: str) -> Seen | None:
    """What lies at a path that is no directory; None where nothing does."""
    try:
        facts = os.lstat(f"{packages}/{path}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _closed(path, error)
    return _see(packages, path, facts)


def _closed(path: str, error: OSError) -> Seen:
    reason = f"may not be looked into: {error.strerror}; expected what uid {os.geteuid()} can read"
    return Seen(path, reason=reason, is_closed=True)


def _walk_directory(packages: Path, path: str) -> Iterator[str | Seen]:
    if path.count("/") >= DEPTH:
        yield Seen(path, reason=f"lies more than {DEPTH} directories deep; expected less")
        return
    try:
        with os.scandir(packages / path) as found:
            entries = list(found)
    except FileNotFoundError:
        return
    except OSError as error:
        yield _closed(path, error)
        return
    for entry in entries:
        if not is_ignored(entry.name):
            yield from _walk_entry(packages, f"{path}/{entry.name}" if path else entry.name, entry)


def _walk_entry(packages: Path, path: str, entry: "os.DirEntry[str]") -> Iterator[str | Seen]:
    try:
        is_directory = entry.is_dir(follow_symlinks=False)
    except OSError as error:
        yield _closed(path, error)
        return
    if is_directory:
        yield from _walk_directory(packages, path)
    else:
        yield path


def _see(packages: Path, path: str, facts: os.stat_result) -> Seen:
    if stat.S_ISLNK(facts.st_mode):
        try:
            facts = (packages / path).stat()
        except OSError as error:
            return Seen(path, reason=f"is a link that leads nowhere ({error.strerror}); expected a file")
    if not stat.S_ISREG(facts.st_mode):
        return Seen(path, reason="is a link to a directory, a pipe or a device; expected a file")
    try:
        path.encode()
    except UnicodeEncodeError:
        return Seen(path, reason="its path is not UTF-8; expected one that a URL can carry")
    return Seen(path, Identity.of(facts))

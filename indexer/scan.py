"""Disk → which files lie in `packages/`, and each one's identity. Nothing is opened here."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from indexer.values import Identity
from store.names import is_ignored

Seen = tuple[str, Identity | None]
"""A path relative to `packages/`, and its identity; None for a link that leads nowhere or to a directory,
and for a directory that may not be looked into."""


def read_identity(path: Path) -> Identity:
    """The identity of the file a path leads to; OSError where there is none."""
    return Identity.of(path.stat())


def scan(packages: Path, path: str = "") -> Iterator[Seen]:
    """Every file at or below `path`, sorted, but for ignored names; nothing where the path is gone.

    Links to files are followed, links to directories are not: they could lead round in circles,
    and nothing tells of changes behind them.
    """
    if any(is_ignored(part) for part in Path(path).parts):
        return
    try:
        facts = (packages / path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(facts.st_mode):
        yield from _scan_directory(packages, path)
    else:
        yield path, _identity(packages / path, facts)


def _scan_directory(packages: Path, path: str) -> Iterator[Seen]:
    try:
        with os.scandir(packages / path) as entries:
            names = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except PermissionError:
        yield path, None
        return
    for entry in names:
        inner = f"{path}/{entry.name}" if path else entry.name
        if is_ignored(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _scan_directory(packages, inner)
        else:
            yield from _scan_entry(packages, inner, entry)


def _scan_entry(packages: Path, path: str, entry: "os.DirEntry[str]") -> Iterator[Seen]:
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    yield path, _identity(packages / path, facts)


def _identity(path: Path, facts: os.stat_result) -> Identity | None:
    if stat.S_ISLNK(facts.st_mode):
        try:
            facts = path.stat()
        except OSError:
            return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return Identity.of(facts)

"""Whether a project is here: asked of the disk, and not of pages, which may be gone or not made yet."""

import asyncio
import errno
import os
import re
import time
from bisect import bisect_left
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from store.names import base_of_sidecar, collation_key, is_ignored, possible_projects
from store.repository import Repository
from store.status import SUFFIX
from uploader.upstream.aside import Aside

SETTLED = 2.0  # seconds after which the times of a directory tell every change of it
TICK = 0.01  # seconds that a time may be wrong by
DEPTH = 100  # directories in each other
TRIES = 10

_ARCHIVE = re.compile(r"\.(?:whl|egg|zip|tar|tgz|gz|bz2|xz|zst|exe|msi|rpm|deb)\b", re.IGNORECASE)
_BESIDE = re.compile(r"(?P<of>.*?\.(?:whl|egg|zip|tar\.gz|tgz|tar\.bz2|tar))\..+", re.IGNORECASE)


class _Directory(NamedTuple):
    """As it was when `mark` was what changes with it; the names of files in the order of their collation keys."""

    path: Path
    mark: tuple[int, ...]
    is_settled: bool
    keys: list[str]
    filenames: list[str]
    below: list[str]


class Here:
    """Remembers of each directory what is in it, for as long as its times stay."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._known: dict[Path, _Directory] = {}
        self._turn = asyncio.Lock()

    async def has(self, repository: Repository, project: str) -> bool:
        """Whether any file can be of the project, or anything was said of it. OSError where that cannot be seen."""
        if os.path.lexists(repository.project(project)) or os.path.lexists(repository.status(project)):
            return True
        async with self._turn:
            return await self._aside(self._look, repository.packages, project)

    def _look(self, packages: Path, project: str) -> bool:
        """What is moved meanwhile may be seen in neither place: then it is looked again.

        Files that come into one directory all the time are no reason to. OSError where it cannot be told.
        """
        before: dict[Path, list[str]] = {}
        for _ in range(TRIES):
            seen: dict[Path, _Directory] = {}
            if any(_has(each, project) for each in self._walk(packages, seen, DEPTH)):
                return True
            changed = [each for each in seen.values() if _is_changed(each)]
            self._remember(packages, seen)
            there = {path: sorted(each.below) for path, each in seen.items()}
            is_all = all(path / name in seen for path, names in there.items() for name in names)
            if is_all and (not changed or (len(changed) == 1 and there == before)):
                return False
            before = there
            time.sleep(TICK)
        raise OSError(errno.EBUSY, "files are being moved")

    def _remember(self, packages: Path, seen: dict[Path, _Directory]) -> None:
        outside = {path: each for path, each in self._known.items() if not path.is_relative_to(packages)}
        self._known = outside | {path: each for path, each in seen.items() if each.is_settled}

    def _walk(self, path: Path, seen: dict[Path, _Directory], depth: int) -> Iterator[_Directory]:
        """Every directory that may hold distributions; one below them that is gone meanwhile holds none."""
        try:
            directory = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            if depth == DEPTH:
                raise
            return
        seen[path] = directory
        yield directory
        for name in directory.below if depth else ():
            yield from self._walk(path / name, seen, depth - 1)

    def _read(self, path: Path) -> _Directory:
        mark = _read_mark(path)
        known = self._known.get(path)
        if known is not None and known.mark == mark:
            return known
        with os.scandir(path) as entries:
            served = [entry for entry in entries if not is_ignored(entry.name)]
            below = [entry.name for entry in served if entry.is_dir(follow_symlinks=False)]
        files = sorted((collation_key(name), name) for name in {entry.name for entry in served} - set(below))
        is_settled = mark[-1] < (time.time() - SETTLED) * 1e9
        return _Directory(path, mark, is_settled, [key for key, _ in files], [name for _, name in files], below)


def _read_mark(path: Path) -> tuple[int, ...]:
    """The last is nobody's to set back."""
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def _is_changed(directory: _Directory) -> bool:
    """Since it was read, as far as its times can tell so soon."""
    try:
        return _read_mark(directory.path) != directory.mark or directory.mark[-1] > (time.time() - TICK) * 1e9
    except OSError:
        return True


def _has(directory: _Directory, project: str) -> bool:
    at = bisect_left(directory.keys, f"{project}-")
    while at < len(directory.keys) and directory.keys[at].startswith(f"{project}-"):
        if _can_be_of(directory.filenames[at], project):
            return True
        at += 1
    is_its_own = canonicalize_name(directory.path.name) == project
    return is_its_own and any(_is_odd(filename) for filename in directory.filenames)


def _can_be_of(filename: str, project: str) -> bool:
    """Of a name that begins with the project's; also where the rest is no version, so that nobody can list the file."""
    if filename.endswith(SUFFIX):
        return canonicalize_name(filename.removesuffix(SUFFIX)) == project
    filename = base_of_sidecar(filename) or filename
    if possible := _possible_projects(filename):
        return project in possible
    rest = collation_key(_ARCHIVE.split(filename, maxsplit=1)[0]).removeprefix(project)
    return _is_odd(filename) and bool(re.fullmatch(r"(?:-v?[0-9].*)?", rest))


def _possible_projects(filename: str) -> Collection[str]:
    """Also of what lies beside a distribution, whatever that adds to its name."""
    found = _BESIDE.fullmatch(filename)
    return possible_projects(filename) or (possible_projects(found["of"]) if found else ())


def _is_odd(filename: str) -> bool:
    """An archive that is called as no distribution can be."""
    return bool(_ARCHIVE.search(filename)) and not _possible_projects(filename)

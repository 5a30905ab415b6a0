"""Whether a project is here: asked of the disk, and not of pages, which may be gone or not made yet."""

import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from store.names import collation_key, is_ignored, possible_projects
from store.repository import Repository

SETTLED = 2.0  # seconds after which the times of a directory tell every change of it
DEPTH = 100  # directories in each other


class _Directory(NamedTuple):
    """As it was when `mark` was what changes with it; the names of files in the order of their collation keys."""

    mark: tuple[int, ...]
    keys: list[str]
    filenames: list[str]
    below: list[str]


class Here:
    """Remembers of each directory what is in it, for as long as its times stay."""

    def __init__(self) -> None:
        self._known: dict[Path, _Directory] = {}
        self._turn = asyncio.Lock()

    async def has(self, repository: Repository, project: str) -> bool:
        """Whether any file can be of the project, or anything was said of it. OSError where that cannot be seen."""
        if os.path.lexists(repository.project(project)) or os.path.lexists(repository.status(project)):
            return True
        async with self._turn:
            return await asyncio.to_thread(self._look, repository.packages, project)

    def _look(self, packages: Path, project: str) -> bool:
        seen: dict[Path, _Directory] = {}
        found = any(_has(each, project) for each in self._walk(packages, seen, DEPTH))
        if not found:  # then all of it was seen
            outside = {path: each for path, each in self._known.items() if not path.is_relative_to(packages)}
            self._known = outside | seen
        return found

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
        began, facts = time.time(), path.stat()
        mark = facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns  # the last is nobody's to set back
        known = self._known.get(path)
        if known is not None and known.mark == mark:
            return known
        with os.scandir(path) as entries:
            served = [entry for entry in entries if not is_ignored(entry.name)]
            below = [entry.name for entry in served if entry.is_dir(follow_symlinks=False)]
        files = sorted((collation_key(name), name) for name in {entry.name for entry in served} - set(below))
        is_settled = facts.st_ctime < began - SETTLED
        found = [key for key, _ in files], [name for _, name in files]
        return _Directory(mark if is_settled else (), *found, below)


def _has(directory: _Directory, project: str) -> bool:
    at = bisect_left(directory.keys, f"{project}-")
    while at < len(directory.keys) and directory.keys[at].startswith(f"{project}-"):
        if project in possible_projects(directory.filenames[at]):
            return True
        at += 1
    return False

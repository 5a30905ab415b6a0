"""By a rule: what of a repository may go, as it lies there now, and its removal."""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from packaging.utils import NormalizedName

from store.below import opened_file
from store.listing import read_listing
from store.names import parse_project
from store.removal import remove
from store.repository import Repository
from store.text import render_size, render_time
from uploader.change.rule import Kept, Rule, choose


class Doomed(NamedTuple):
    """A file that the rule lets go."""

    project: NormalizedName
    file: Kept

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.file.listed.path)

    def __str__(self) -> str:
        day = render_time(int(self.file.at) * 10**9)[:10]
        return f"{self.path} ({self.project} {self.file.listed.release}, {render_size(self.file.size)}, {day})"


def find_doomed(repository: Repository, rule: Rule) -> list[Doomed]:
    """By project, the oldest version first. OSError where it cannot be seen which projects there are."""
    now = time.time()
    names = sorted(name for name in os.listdir(repository.projects) if not name.startswith("."))  # noqa: PTH208
    return [
        Doomed(project, file)
        for project in map(parse_project, names)
        for file in choose(project, _find_files(repository, project), rule, now)
    ]


def _find_files(repository: Repository, project: NormalizedName) -> Iterator[Kept]:
    """Those that are listed and there."""
    for listed in read_listing(repository, project).values():
        with contextlib.suppress(OSError), opened_file(repository, PurePosixPath(listed.path)) as file:
            facts = os.fstat(file.fileno())
            if stat.S_ISREG(facts.st_mode):
                yield Kept(listed, facts.st_mtime, facts.st_size)


def remove_doomed(repository: Repository, doomed: Doomed) -> bool:
    """Remove the file for good; False where somebody else was quicker. OSError where that cannot be done."""
    try:
        remove(repository, doomed.path, was_listed=True)
    except FileNotFoundError:
        return False
    return True
